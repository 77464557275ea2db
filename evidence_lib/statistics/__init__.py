"""Statistics: arrays or small frames in, estimates or tidy frames out."""
