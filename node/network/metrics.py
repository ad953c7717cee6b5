"""What Prometheus reads. Nothing personal, nothing per person."""
