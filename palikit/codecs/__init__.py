"""What spatial tokens mean, both ways: boxes as `<loc>`, masks as `<seg>`, and answers as text."""
