"""What runs in the peers' venv, started as processes of their own: it imports nothing of the product."""
