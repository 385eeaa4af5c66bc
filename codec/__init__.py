"""codec: waveform to discrete codes and back."""
