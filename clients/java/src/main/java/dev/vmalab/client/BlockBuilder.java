// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import com.google.protobuf.ByteString;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Builds a block, record by record: a method for each operation. A record that cannot be is not
 * added, and a {@link RefusedException.BadBlock}.
 */
public final class BlockBuilder extends BlockRecords {
    private static final VarHandle WORDS =
        MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int WORD_BYTES = 8;
    private static final int HEADER_WORDS = 2;
    private static final int FIRST_BYTES = 1024;

    private byte[] raw = new byte[FIRST_BYTES];
    private int length;
    private int results;
    private boolean withPkru;
    private int rights;

    /** An empty block. */
    public BlockBuilder() {}

    /**
     * Says what the caller has in its register PKRU: the records that are added from now on go with
     * it, as far as they take one.
     *
     * @param value its value
     * @return this builder
     */
    public BlockBuilder pkru(int value) {
        withPkru = true;
        rights = value;
        return this;
    }

    /**
     * Says that records go with the PKRU of the address space from now on, as they do at first.
     *
     * @return this builder
     */
    public BlockBuilder withoutPkru() {
        withPkru = false;
        return this;
    }

    /**
     * The block as it is now.
     *
     * @return a copy of its bytes
     */
    public ByteString bytes() {
        return ByteString.copyFrom(raw, 0, length);
    }

    /**
     * How long it is.
     *
     * @return how many bytes it has
     */
    public int byteCount() {
        return length;
    }

    /**
     * How much it will answer.
     *
     * @return how many results it will have
     */
    public int resultCount() {
        return results;
    }

    /**
     * Begins again, with the memory that is there.
     *
     * @return this builder
     */
    public BlockBuilder reset() {
        length = 0;
        results = 0;
        return this;
    }

    private void word(long word) {
        WORDS.set(raw, length, word);
        length += WORD_BYTES;
    }

    /** Begins a record of so many words behind its header. */
    private void head(int op, boolean pkru, int flags, int how, long mm, int words) {
        boolean more = pkru && withPkru;
        long total = HEADER_WORDS + words + (more ? 1 : 0);
        int wanted = length + (int) total * WORD_BYTES;
        if (wanted > raw.length) {
            raw = Arrays.copyOf(raw, Math.max(wanted, 2 * raw.length));
        }
        long bits = flags | (more ? Constants.RECORD_PKRU : 0);
        word(op | total << 8 | bits << 16 | (long) how << 32);
        word(mm);
    }

    /** Adds the caller's PKRU, the last word of a record that takes it. */
    private BlockBuilder end(boolean pkru, int count) {
        if (pkru && withPkru) {
            word(Integer.toUnsignedLong(rights));
        }
        results += count;
        return this;
    }

    private static void check(String what, int got, int most) {
        if (got > most) {
            throw new RefusedException.BadBlock(what + ": " + got + ", at most " + most);
        }
    }

    @Override
    BlockBuilder put(int op, boolean pkru, int flags, int how, long mm, long... words) {
        head(op, pkru, flags, how, mm, words.length);
        for (long one : words) {
            word(one);
        }
        return end(pkru, 1);
    }

    @Override
    BlockBuilder putText(
            int op, boolean pkru, int how, long mm, int most, String text, long... words) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        check("bytes of a text", bytes.length, most);
        int padded = (bytes.length + WORD_BYTES - 1) / WORD_BYTES;
        head(op, pkru, bytes.length, how, mm, words.length + padded);
        for (long one : words) {
            word(one);
        }
        int end = length + padded * WORD_BYTES;
        System.arraycopy(bytes, 0, raw, length, bytes.length);
        Arrays.fill(raw, length + bytes.length, end, (byte) 0);
        length = end;
        return end(pkru, 1);
    }

    @Override
    BlockBuilder putRanges(
            int op, boolean pkru, int how, long mm, int most, List<Range> ranges, long... words) {
        check("ranges", ranges.size(), most);
        head(op, pkru, ranges.size(), how, mm, words.length + 2 * ranges.size());
        for (long one : words) {
            word(one);
        }
        for (Range one : ranges) {
            word(one.addr());
            word(one.length());
        }
        return end(pkru, 1);
    }

    /** Adds as many records as the addresses need. */
    @Override
    BlockBuilder putEach(
            int op, boolean pkru, int flags, int how, long mm, int most, long[] addrs) {
        int some = pkru && withPkru ? most - 1 : most;
        for (int at = 0; at < addrs.length; at += some) {
            int count = Math.min(some, addrs.length - at);
            head(op, pkru, flags, how, mm, count);
            for (int i = at; i < at + count; i++) {
                word(addrs[i]);
            }
            end(pkru, count);
        }
        return this;
    }
}
