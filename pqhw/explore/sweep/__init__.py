"""Sweeps: many specs measured on devices, by processes here or by a cluster's."""
