"""What the board shows: views made from BrandReleases, Brands and pods. Pure; how they look is not decided here."""
