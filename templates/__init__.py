# SPDX-License-Identifier: Apache-2.0
"""The templates of the C that p4rt-compile generates, and the header that it includes."""
