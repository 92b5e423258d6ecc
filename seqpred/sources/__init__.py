"""Where rows come from: files, standard input and DataFrames, and how they are written."""
