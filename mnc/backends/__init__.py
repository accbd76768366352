"""What turns a program into files."""
