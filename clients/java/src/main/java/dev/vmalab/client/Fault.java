// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

/**
 * An access that succeeded.
 *
 * @param word the page's word after it
 * @param info how it was done: {@link Constants#FAULT_INFO_VMA_LOCK} and so on
 */
public record Fault(long word, int info) {}
