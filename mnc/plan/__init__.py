"""The memory plan: in which order tasks run, where each buffer lies, and the proof that nothing live is overwritten."""
