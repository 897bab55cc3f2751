//! A project compiled to a graph of nodes.
