// SPDX-License-Identifier: Apache-2.0
int square(int n) { return n * n; }
