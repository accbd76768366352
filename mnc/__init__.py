"""The MicroNet Compiler: trained neural networks to C for microcontrollers."""
