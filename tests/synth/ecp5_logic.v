// Behaviour of the ECP5 cells that Yosys maps logic to, for simulation of mapped netlists.

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
