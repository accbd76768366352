"""What the generated code runs on."""
