// SPDX-License-Identifier: Apache-2.0

/** The version of this client: that of package.json. Its tests change it. */
export const version = { client: "0.1.0" };
