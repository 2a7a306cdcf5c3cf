// Behaviour of the ECP5 cells that pqhw instantiates, for simulation.
//
// Written from the cells' documented function; only what pqhw/rtl/ecp5*.py uses is modelled:
// CCU2C without injected constants, LUT4 and its multiplexers, DP16KD writing on port A and reading on port B,
// MULT18X18D with constant signs and registers on clock 0.

module CCU2C (
  input CIN, A0, B0, C0, D0, A1, B1, C1, D1,
  output S0, S1, COUT
);
  parameter [15:0] INIT0 = 0;
  parameter [15:0] INIT1 = 0;
  parameter INJECT1_0 = "NO";
  parameter INJECT1_1 = "NO";
  // Multiplexers, not an index: an unknown input that a gate blocks leaves the output known.
  wire [7:0] d0 = D0 ? INIT0[15:8] : INIT0[7:0];
  wire [7:0] d1 = D1 ? INIT1[15:8] : INIT1[7:0];
  wire [3:0] c0 = C0 ? d0[7:4] : d0[3:0];
  wire [3:0] c1 = C1 ? d1[7:4] : d1[3:0];
  wire [1:0] b0 = B0 ? c0[3:2] : c0[1:0];
  wire [1:0] b1 = B1 ? c1[3:2] : c1[1:0];
  wire lut0 = A0 ? b0[1] : b0[0];
  wire lut1 = A1 ? b1[1] : b1[0];
  wire [1:0] g0 = B0 ? INIT0[3:2] : INIT0[1:0];
  wire [1:0] g1 = B1 ? INIT1[3:2] : INIT1[1:0];
  wire generate0 = A0 ? g0[1] : g0[0];
  wire generate1 = A1 ? g1[1] : g1[0];
  wire carry = lut0 ? CIN : generate0;
  assign S0 = lut0 ^ CIN;
  assign S1 = lut1 ^ carry;
  assign COUT = lut1 ? carry : generate1;
endmodule

// Multiplexers, not an index, for the same reason.
module LUT4 (input A, B, C, D, output Z);
  parameter [15:0] INIT = 0;
  wire [7:0] d = D ? INIT[15:8] : INIT[7:0];
  wire [3:0] c = C ? d[7:4] : d[3:0];
  wire [1:0] b = B ? c[3:2] : c[1:0];
  assign Z = A ? b[1] : b[0];
endmodule

module PFUMX (input ALUT, BLUT, C0, output Z);
  assign Z = C0 ? ALUT : BLUT;
endmodule

module L6MUX21 (input D0, D1, SD, output Z);
  assign Z = SD ? D1 : D0;
endmodule

module DP16KD (
  input CLKA, CEA, WEA, OCEA, RSTA, CSA0, CSA1, CSA2,
  input CLKB, CEB, WEB, OCEB, RSTB, CSB0, CSB1, CSB2,
  input ADA0, ADA1, ADA2, ADA3, ADA4, ADA5, ADA6,
  input ADA7, ADA8, ADA9, ADA10, ADA11, ADA12, ADA13,
  input ADB0, ADB1, ADB2, ADB3, ADB4, ADB5, ADB6,
  input ADB7, ADB8, ADB9, ADB10, ADB11, ADB12, ADB13,
  input DIA0, DIA1, DIA2, DIA3, DIA4, DIA5, DIA6, DIA7, DIA8,
  input DIA9, DIA10, DIA11, DIA12, DIA13, DIA14, DIA15, DIA16, DIA17,
  input DIB0, DIB1, DIB2, DIB3, DIB4, DIB5, DIB6, DIB7, DIB8,
  input DIB9, DIB10, DIB11, DIB12, DIB13, DIB14, DIB15, DIB16, DIB17,
  output DOA0, DOA1, DOA2, DOA3, DOA4, DOA5, DOA6, DOA7, DOA8,
  output DOA9, DOA10, DOA11, DOA12, DOA13, DOA14, DOA15, DOA16, DOA17,
  output DOB0, DOB1, DOB2, DOB3, DOB4, DOB5, DOB6, DOB7, DOB8,
  output DOB9, DOB10, DOB11, DOB12, DOB13, DOB14, DOB15, DOB16, DOB17
);
  parameter DATA_WIDTH_A = 18;
  parameter DATA_WIDTH_B = 18;
  parameter REGMODE_A = "NOREG";
  parameter REGMODE_B = "NOREG";
  parameter RESETMODE = "SYNC";
  parameter CSDECODE_A = "0b000";
  parameter CSDECODE_B = "0b000";
  parameter WRITEMODE_A = "NORMAL";
  parameter WRITEMODE_B = "NORMAL";
  parameter GSR = "AUTO";
  parameter [319:0] INITVAL_00 = 320'bx;
  parameter [319:0] INITVAL_01 = 320'bx;
  parameter [319:0] INITVAL_02 = 320'bx;
  parameter [319:0] INITVAL_03 = 320'bx;
  parameter [319:0] INITVAL_04 = 320'bx;
  parameter [319:0] INITVAL_05 = 320'bx;
  parameter [319:0] INITVAL_06 = 320'bx;
  parameter [319:0] INITVAL_07 = 320'bx;
  parameter [319:0] INITVAL_08 = 320'bx;
  parameter [319:0] INITVAL_09 = 320'bx;
  parameter [319:0] INITVAL_0A = 320'bx;
  parameter [319:0] INITVAL_0B = 320'bx;
  parameter [319:0] INITVAL_0C = 320'bx;
  parameter [319:0] INITVAL_0D = 320'bx;
  parameter [319:0] INITVAL_0E = 320'bx;
  parameter [319:0] INITVAL_0F = 320'bx;
  parameter [319:0] INITVAL_10 = 320'bx;
  parameter [319:0] INITVAL_11 = 320'bx;
  parameter [319:0] INITVAL_12 = 320'bx;
  parameter [319:0] INITVAL_13 = 320'bx;
  parameter [319:0] INITVAL_14 = 320'bx;
  parameter [319:0] INITVAL_15 = 320'bx;
  parameter [319:0] INITVAL_16 = 320'bx;
  parameter [319:0] INITVAL_17 = 320'bx;
  parameter [319:0] INITVAL_18 = 320'bx;
  parameter [319:0] INITVAL_19 = 320'bx;
  parameter [319:0] INITVAL_1A = 320'bx;
  parameter [319:0] INITVAL_1B = 320'bx;
  parameter [319:0] INITVAL_1C = 320'bx;
  parameter [319:0] INITVAL_1D = 320'bx;
  parameter [319:0] INITVAL_1E = 320'bx;
  parameter [319:0] INITVAL_1F = 320'bx;
  parameter [319:0] INITVAL_20 = 320'bx;
  parameter [319:0] INITVAL_21 = 320'bx;
  parameter [319:0] INITVAL_22 = 320'bx;
  parameter [319:0] INITVAL_23 = 320'bx;
  parameter [319:0] INITVAL_24 = 320'bx;
  parameter [319:0] INITVAL_25 = 320'bx;
  parameter [319:0] INITVAL_26 = 320'bx;
  parameter [319:0] INITVAL_27 = 320'bx;
  parameter [319:0] INITVAL_28 = 320'bx;
  parameter [319:0] INITVAL_29 = 320'bx;
  parameter [319:0] INITVAL_2A = 320'bx;
  parameter [319:0] INITVAL_2B = 320'bx;
  parameter [319:0] INITVAL_2C = 320'bx;
  parameter [319:0] INITVAL_2D = 320'bx;
  parameter [319:0] INITVAL_2E = 320'bx;
  parameter [319:0] INITVAL_2F = 320'bx;
  parameter [319:0] INITVAL_30 = 320'bx;
  parameter [319:0] INITVAL_31 = 320'bx;
  parameter [319:0] INITVAL_32 = 320'bx;
  parameter [319:0] INITVAL_33 = 320'bx;
  parameter [319:0] INITVAL_34 = 320'bx;
  parameter [319:0] INITVAL_35 = 320'bx;
  parameter [319:0] INITVAL_36 = 320'bx;
  parameter [319:0] INITVAL_37 = 320'bx;
  parameter [319:0] INITVAL_38 = 320'bx;
  parameter [319:0] INITVAL_39 = 320'bx;
  parameter [319:0] INITVAL_3A = 320'bx;
  parameter [319:0] INITVAL_3B = 320'bx;
  parameter [319:0] INITVAL_3C = 320'bx;
  parameter [319:0] INITVAL_3D = 320'bx;
  parameter [319:0] INITVAL_3E = 320'bx;
  parameter [319:0] INITVAL_3F = 320'bx;
  localparam WIDTH = DATA_WIDTH_A;
  localparam DROPPED = WIDTH == 36 ? 5 : WIDTH == 18 ? 4 : WIDTH == 9 ? 3 :
                       WIDTH == 4 ? 2 : WIDTH == 2 ? 1 : 0;
  wire [13:0] write_pins = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3,
                            ADA2, ADA1, ADA0};
  wire [13:0] read_pins = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3,
                           ADB2, ADB1, ADB0};
  wire [13-DROPPED:0] write_address = write_pins[13:DROPPED];
  wire [13-DROPPED:0] read_address = read_pins[13:DROPPED];
  wire [35:0] data = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7,
                      DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0, DIA17, DIA16, DIA15, DIA14, DIA13,
                      DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1,
                      DIA0};
  wire [WIDTH-1:0] out;
  generate
    if (INITVAL_00 === 320'bx) begin : written
      reg [WIDTH-1:0] words [0:(1 << (14 - DROPPED)) - 1];
      reg [WIDTH-1:0] latched, registered;
      always @(posedge CLKA)
        if (CEA && WEA) words[write_address] <= data[WIDTH-1:0];
      always @(posedge CLKB) begin
        if (CEB) latched <= words[read_address];
        if (OCEB) registered <= latched;
      end
      assign out = REGMODE_B == "OUTREG" ? registered : latched;
    end else begin : given
      // A block with contents, which is never written: rows of 16 fields of 18 bits, each padded
      // to 20. Words of 4 bits and fewer leave every ninth bit out.
      reg [319:0] rows [0:63];
      initial begin
        rows[0] = INITVAL_00; rows[1] = INITVAL_01; rows[2] = INITVAL_02;
        rows[3] = INITVAL_03; rows[4] = INITVAL_04; rows[5] = INITVAL_05;
        rows[6] = INITVAL_06; rows[7] = INITVAL_07; rows[8] = INITVAL_08;
        rows[9] = INITVAL_09; rows[10] = INITVAL_0A; rows[11] = INITVAL_0B;
        rows[12] = INITVAL_0C; rows[13] = INITVAL_0D; rows[14] = INITVAL_0E;
        rows[15] = INITVAL_0F; rows[16] = INITVAL_10; rows[17] = INITVAL_11;
        rows[18] = INITVAL_12; rows[19] = INITVAL_13; rows[20] = INITVAL_14;
        rows[21] = INITVAL_15; rows[22] = INITVAL_16; rows[23] = INITVAL_17;
        rows[24] = INITVAL_18; rows[25] = INITVAL_19; rows[26] = INITVAL_1A;
        rows[27] = INITVAL_1B; rows[28] = INITVAL_1C; rows[29] = INITVAL_1D;
        rows[30] = INITVAL_1E; rows[31] = INITVAL_1F; rows[32] = INITVAL_20;
        rows[33] = INITVAL_21; rows[34] = INITVAL_22; rows[35] = INITVAL_23;
        rows[36] = INITVAL_24; rows[37] = INITVAL_25; rows[38] = INITVAL_26;
        rows[39] = INITVAL_27; rows[40] = INITVAL_28; rows[41] = INITVAL_29;
        rows[42] = INITVAL_2A; rows[43] = INITVAL_2B; rows[44] = INITVAL_2C;
        rows[45] = INITVAL_2D; rows[46] = INITVAL_2E; rows[47] = INITVAL_2F;
        rows[48] = INITVAL_30; rows[49] = INITVAL_31; rows[50] = INITVAL_32;
        rows[51] = INITVAL_33; rows[52] = INITVAL_34; rows[53] = INITVAL_35;
        rows[54] = INITVAL_36; rows[55] = INITVAL_37; rows[56] = INITVAL_38;
        rows[57] = INITVAL_39; rows[58] = INITVAL_3A; rows[59] = INITVAL_3B;
        rows[60] = INITVAL_3C; rows[61] = INITVAL_3D; rows[62] = INITVAL_3E;
        rows[63] = INITVAL_3F;
      end
      wire [7-DROPPED:0] word = read_address[7-DROPPED:0];
      wire [8:0] at = word * WIDTH;
      wire [8:0] place = WIDTH == 36 ? word * 40 : WIDTH == 18 ? word * 20 :
                         WIDTH == 9 ? (word >> 1) * 20 + word[0] * 9 :
                         (at >> 4) * 20 + at[3] * 9 + at[2:0];
      reg [319:0] row;
      reg [8:0] from;
      reg [WIDTH-1:0] registered;
      wire [39:0] found = row >> from;
      wire [WIDTH-1:0] latched = WIDTH == 36 ? {found[37:20], found[17:0]} : found[WIDTH-1:0];
      always @(posedge CLKB) begin
        if (CEB) row <= rows[read_address[13-DROPPED:8-DROPPED]];
        if (CEB) from <= place;
        if (OCEB) registered <= latched;
      end
      assign out = REGMODE_B == "OUTREG" ? registered : latched;
    end
  endgenerate
  // Of 36 bits the lower half leaves at B, the upper at A.
  wire [35:0] wide = out;
  wire [35:0] pins = {wide[17:0], wide[35:18]};
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
          DOB4, DOB3, DOB2, DOB1, DOB0, DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10,
          DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0} = pins;
endmodule

module MULT18X18D (
  input A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, A15, A16, A17,
  input B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, B10, B11, B12, B13, B14, B15, B16, B17,
  input C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13, C14, C15, C16, C17,
  input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
  input CLK0, CLK1, CLK2, CLK3, CE0, CE1, CE2, CE3, RST0, RST1, RST2, RST3,
  output P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12, P13, P14, P15, P16, P17,
  output P18, P19, P20, P21, P22, P23, P24, P25, P26, P27, P28, P29, P30, P31, P32, P33, P34, P35
);
  parameter REG_INPUTA_CLK = "NONE";
  parameter REG_INPUTA_CE = "CE0";
  parameter REG_INPUTA_RST = "RST0";
  parameter REG_INPUTB_CLK = "NONE";
  parameter REG_INPUTB_CE = "CE0";
  parameter REG_INPUTB_RST = "RST0";
  parameter REG_OUTPUT_CLK = "NONE";
  parameter REG_OUTPUT_CE = "CE0";
  parameter REG_OUTPUT_RST = "RST0";
  wire signed [18:0] a = {SIGNEDA & A17, A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2,
                          A1, A0};
  wire signed [18:0] b = {SIGNEDB & B17, B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2,
                          B1, B0};
  reg signed [18:0] a_registered, b_registered;
  reg signed [35:0] p_registered;
  always @(posedge CLK0)
    if (CE0) begin
      a_registered <= a;
      b_registered <= b;
      p_registered <= a_registered * b_registered;
    end
  assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
          P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} =
         p_registered;
endmodule
