// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import static dev.vmalab.client.Constants.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import java.util.Collections;
import java.util.HexFormat;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** The bytes of blocks and of results. */
class BlockTest {
    private static final int WORD_BYTES = 8;
    private static final int HEADER_WORDS = 2;

    private static String hex(BlockBuilder block) {
        return HexFormat.of().formatHex(block.bytes().toByteArray());
    }

    /** The example of docs/block-format.md, byte by byte. */
    @Test
    void aBlockIsTheExampleOfThePage() {
        int flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS;
        BlockBuilder block =
            new BlockBuilder()
                .mmap(0x10001, 0x20000000, 4096, PROT_READ | PROT_WRITE, flags, 0, 0, 0)
                .faultStore(0x10001, 0x20000000, 42);
        String wanted =
            "0207000000000000" + "0100010000000000" + "0000002000000000" + "0010000000000000"
                + "0300000032000000" + "0000000000000000" + "0000000000000000"
                + "0104050000000000" + "0100010000000000" + "0000002000000000" + "2a00000000000000";
        assertEquals(wanted, hex(block));
        assertEquals(2, block.resultCount());
    }

    @Test
    void pkruIsTheLastWordOfRecordsThatTakeIt() {
        BlockBuilder block = new BlockBuilder().pkru(PKRU_START).munmap(1, 0, 4096);
        assertEquals(32, block.byteCount(), "munmap takes none");
        String record = hex(block.fault(1, 0, FAULT_READ)).substring(2 * 32);
        assertEquals("01040080", record.substring(0, 8));
        assertEquals("5455555500000000", record.substring(2 * 24));
        assertEquals(32 + 32 + 24, block.withoutPkru().fault(1, 0, FAULT_READ).byteCount());
    }

    @Test
    void allBitsOfAWordAreKept() {
        String block = hex(new BlockBuilder().faultStore(-1, 0x8000_0000_0000_0000L, -2));
        String wanted = "ffffffffffffffff" + "0000000000000080" + "feffffffffffffff";
        assertEquals(wanted, block.substring(16));
        String flags = hex(new BlockBuilder().mmap(1, 0, 0, -1, 0, 0, 0, 0));
        assertEquals("ffffffff00000000", flags.substring(2 * 32, 2 * 40), "flags are not the sign");
    }

    @Test
    void faultsAreSplitIntoRecords() {
        BlockBuilder block = new BlockBuilder().faults(1, new long[FAULTS_MAX + 1], FAULT_READ);
        assertEquals(FAULTS_MAX + 1, block.resultCount());
        assertEquals(WORD_BYTES * (2 * HEADER_WORDS + FAULTS_MAX + 1), block.byteCount());
    }

    @Test
    void whatCannotBeIsNotAdded() {
        BlockBuilder block = new BlockBuilder();
        assertThrows(
            RefusedException.BadBlock.class,
            () -> block.setVmaName(1, 0, 4096, "x".repeat(NAME_BYTES_MAX + 1)));
        var many = Collections.nCopies(RANGES_MAX + 1, new Range(0, 4096));
        assertThrows(
            RefusedException.BadBlock.class, () -> block.processMadvise(1, MADV_COLD, false, many));
        assertEquals(0, block.byteCount());
        assertEquals(40, block.setVmaName(1, 0, 4096, "heap").byteCount());
        assertEquals(0, block.reset().resultCount());
    }

    @Test
    void resultsAreReadWithACursor() {
        byte[] raw =
            HexFormat.of()
                .parseHex(
                    "00000000000100002a00000000000000" // a load under the VMA lock
                        + "eaffffff000000000000000000000000" // EINVAL
                        + "0b000000040010000000000000000000"); // SIGSEGV, SEGV_PKUERR, key 1
        Results results = Results.of(ByteString.copyFrom(raw));
        assertEquals(3, results.count());
        assertTrue(results.next());
        assertTrue(results.isOk());
        assertEquals(42, results.value());
        assertEquals(FAULT_INFO_VMA_LOCK, results.info());
        assertTrue(results.next());
        assertEquals(EINVAL, results.result().errno());
        assertEquals(0, results.result().signal());
        assertTrue(results.next());
        Result third = results.result();
        assertEquals(SIGSEGV, third.signal());
        assertEquals(SEGV_PKUERR, third.code());
        assertEquals(OptionalInt.of(1), third.pkey());
        assertFalse(results.next());
        assertFalse(results.next());
        int good = 0;
        for (Result one : results) {
            good += one.isOk() ? 1 : 0;
        }
        assertEquals(1, good);
        ByteString broken = ByteString.copyFrom(raw, 1, raw.length - 1);
        assertThrows(RefusedException.BadBlock.class, () -> Results.of(broken));
    }
}
