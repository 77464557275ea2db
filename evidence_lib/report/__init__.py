"""Tables, figures, words and the page that a reader gets."""
