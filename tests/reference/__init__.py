# SPDX-License-Identifier: Apache-2.0
"""A plain, slow interpreter of checked P4 programs, and a generator of random ones to compare against."""
