"""Pictures and files of products: what they are, what is wrong with them, in which size and order channels get them.

A product's pictures are references in order: a web address, or «media:» and the SHA-256 of an asset here. They stand in
`Product.images` (all channels) and in its values under «images» per channel («@amazon»), so that history, undo, import and
export treat them like everything else.
"""
