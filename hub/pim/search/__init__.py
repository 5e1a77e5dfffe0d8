"""Finding products: full text, filters that combine, facets, suggestions and saved views, the same on both databases.

`query` says what is wanted, `find` gives pages and selections, `facets` counts, `suggest` completes, `views` keeps
queries under a name. `words` cuts texts into tokens once, in Python, so that no database reads them in its own way;
`index` keeps tokens and facts beside the products.
"""
