"""Analysis variables of clinical studies: estimands, response, time to event, and scales of clinical value."""
