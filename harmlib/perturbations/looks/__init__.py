"""What the Instagram looks are made of, beside pilgram itself; no perturbation is registered here."""
