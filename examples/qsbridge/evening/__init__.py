"""An evening of three servers: a file of events, played through the platform."""
