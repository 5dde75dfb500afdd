// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
int square(int);
int main(void) { printf("%d\n", square(7)); return 0; }
