// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * The results of a block. {@link #next} moves a cursor over them, without an object for each:
 *
 * <pre>{@code
 * while (results.next()) {
 *     use(results.status(), results.value());
 * }
 * }</pre>
 *
 * <p>A loop over this object gives each as a {@link Result}.
 */
public final class Results implements Iterable<Result> {
    private static final int RESULT_BYTES = 16;
    private static final int INFO = 4;
    private static final int VALUE = 8;

    private final ByteBuffer raw;
    private final int count;
    private int at = -1;

    private Results(ByteString bytes) {
        raw = bytes.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        count = bytes.size() / RESULT_BYTES;
    }

    /**
     * Reads what a block has answered.
     *
     * @param bytes the answer
     * @return the results
     */
    public static Results of(ByteString bytes) {
        if (bytes.size() % RESULT_BYTES != 0) {
            throw new RefusedException.BadBlock(
                bytes.size() + " bytes of results: no multiple of " + RESULT_BYTES);
        }
        return new Results(bytes);
    }

    /**
     * How many there are.
     *
     * @return how many
     */
    public int count() {
        return count;
    }

    /**
     * Moves the cursor to the next one.
     *
     * @return whether there is one
     */
    public boolean next() {
        at = Math.min(at + 1, count);
        return at < count;
    }

    /** Moves the cursor before the first one. */
    public void rewind() {
        at = -1;
    }

    private int here() {
        if (at < 0 || at >= count) {
            throw new NoSuchElementException("the cursor is at no result: next() moves it");
        }
        return at * RESULT_BYTES;
    }

    /**
     * Of the result that the cursor is at.
     *
     * @return its status
     */
    public int status() {
        return raw.getInt(here());
    }

    /**
     * Of the result that the cursor is at.
     *
     * @return its info
     */
    public int info() {
        return raw.getInt(here() + INFO);
    }

    /**
     * Of the result that the cursor is at.
     *
     * @return its value
     */
    public long value() {
        return raw.getLong(here() + VALUE);
    }

    /**
     * Whether the result that the cursor is at is a success.
     *
     * @return whether its status is 0
     */
    public boolean isOk() {
        return status() == 0;
    }

    /**
     * The one that the cursor is at.
     *
     * @return the result
     */
    public Result result() {
        return get(here() / RESULT_BYTES);
    }

    /**
     * One by its place.
     *
     * @param place counted from 0
     * @return the result
     */
    public Result get(int place) {
        if (place < 0 || place >= count) {
            throw new IndexOutOfBoundsException("result " + place + " of " + count);
        }
        int from = place * RESULT_BYTES;
        return new Result(raw.getInt(from), raw.getInt(from + INFO), raw.getLong(from + VALUE));
    }

    /** Gives each in its turn; the cursor stays where it is. */
    @Override
    public Iterator<Result> iterator() {
        return new Iterator<>() {
            private int place;

            @Override
            public boolean hasNext() {
                return place < count;
            }

            @Override
            public Result next() {
                if (!hasNext()) {
                    throw new NoSuchElementException("there are " + count + " results");
                }
                return get(place++);
            }
        };
    }
}
