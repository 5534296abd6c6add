"""Statistics on arrays only: nothing here knows of conversations, taxonomies or tables."""
