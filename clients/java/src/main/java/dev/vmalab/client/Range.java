// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

/**
 * A piece of an address space.
 *
 * @param addr where it begins
 * @param length how many bytes it has
 */
public record Range(long addr, long length) {}
