# SPDX-License-Identifier: Apache-2.0
"""Lowering of what core.p4, ubpf_model.p4 and ubpf_externs.p4 declare as extern, a family in each file."""
