"""The reproduction of four papers on image harmonization: profiles, stages, exhibits, lessons, user studies.

It uses the library ``harmlib``; nobody needs it to use the library.
"""
