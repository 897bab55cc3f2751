//! Tables in and out: CSV, TSV, JSON Lines and Parquet.
