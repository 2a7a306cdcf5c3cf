// Behaviour of the ECP5 cells that Yosys maps logic to, for simulation of mapped netlists.

module LUT4 (input A, B, C, D, output Z);
  parameter [15:0] INIT = 0;
  wire [3:0] select = {D, C, B, A};
  assign Z = INIT[select];
endmodule

module PFUMX (input ALUT, BLUT, C0, output Z);
  assign Z = C0 ? ALUT : BLUT;
endmodule

module L6MUX21 (input D0, D1, SD, output Z);
  assign Z = SD ? D1 : D0;
endmodule

module TRELLIS_FF (input CLK, LSR, CE, DI, M, output reg Q);
  parameter GSR = "ENABLED";
  parameter CEMUX = "1";
  parameter CLKMUX = "CLK";
  parameter LSRMUX = "LSR";
  parameter LSRONMUX = "LSRMUX";
  parameter REGSET = "RESET";
  parameter SRMODE = "LSR_OVER_CE";
  wire enabled = CEMUX == "CE" ? CE : CEMUX == "INV" ? !CE : 1'b1;
  wire reset = LSR === 1'bz ? 1'b0 : LSRMUX == "INV" ? !LSR : LSR;
  initial Q = REGSET == "SET";
  always @(posedge CLK)
    if (reset && (SRMODE == "LSR_OVER_CE" || enabled)) Q <= REGSET == "SET";
    else if (enabled) Q <= DI;
endmodule
