"""How a text cell or an integer becomes a timestamp, and how a timestamp is written in the form of the data.

The distinct texts of a column, such as `30-Dec-22` and `3-Jan-23`, become a pattern in these steps (`column`, `infer`):

1. `shapes` makes every digit a 0: `00-Dec-00` and `0-Jan-00`. Texts of one shape are read together.
2. `scan` cuts each shape into numbers, names, a time of day and an offset.
3. `forms` lays the shapes over one another. The result is the form that they share, with the widths of each number.
4. `meanings` lists what the numbers can mean, in the `orders` that their widths allow, and chooses the meaning with
   which the rows are most regular (`regularity`).
5. `compose` writes form and meaning as a pattern: `%-d-%b-%y`.
6. `pattern` compiles it. Its `parts` are literals and `directives`, which find the `spans` of the fields in a text.
   `readings` and `fields` make a time of them; `writers` make a text of a time.

Numbers such as 202401 are inferred by `numeric`, timestamps in several columns by `split`. `reader` reads the columns
of a frame, `row_reader` the rows of a stream. `recognize` judges a column whose role is not known yet. `format` is what
a table keeps: the pattern, and the offset or time zone.
"""
