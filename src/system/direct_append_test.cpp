#include "system/direct_append.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "system/file.h"

namespace perdure::system {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

Bytes pattern(std::size_t count) {
    Bytes bytes(count);
    std::uint32_t state = 1;
    for (std::byte& each : bytes) {
        state = state * 1664525 + 1013904223;
        each = static_cast<std::byte>(state >> 24);
    }
    return bytes;
}

Result<void> append(File const& file, ByteView bytes, std::size_t stride) {
    DirectAppend direct(file.descriptor(), "a file");
    while (!bytes.empty()) {
        ByteSpan const room = direct.room();
        EXPECT_FALSE(room.empty());
        std::size_t const count = std::min({room.size(), bytes.size(), stride});
        std::ranges::copy(bytes.first(count), room.begin());
        PD_CHECK(direct.filled(count));
        bytes = bytes.subspan(count);
    }
    return direct.finish();
}

void expect_whole(Path const& parent) {
    auto const folder = ScratchFolder::create(parent);
    ASSERT_TRUE(folder) << folder.error().message();
    for (std::size_t const size :
         {std::size_t{0}, std::size_t{1}, std::size_t{4095}, std::size_t{4096}, 2 * mib - 1,
          2 * mib, 2 * mib + 1, 4 * mib, 5 * mib + 4096, 5 * mib + 123}) {
        for (std::size_t const stride : {std::size_t{100'003}, 64 * mib}) {
            Path const path = folder->path() / std::to_string(size + stride);
            auto file = File::create(path);
            ASSERT_TRUE(file) << file.error().message();
            Bytes const bytes = pattern(size);
            ASSERT_TRUE(append(*file, bytes, stride));
            EXPECT_EQ(::fcntl(file->descriptor(), F_GETFL) & O_DIRECT, 0);
            ASSERT_TRUE(file->sync());
            auto const read = read_file(path, 64 * mib);
            ASSERT_TRUE(read);
            EXPECT_TRUE(*read == bytes) << size << " in strides of " << stride;
        }
    }
}

TEST(DirectAppend, EveryLengthIsWholeOnADisk) {
    expect_whole({});
}

TEST(DirectAppend, EveryLengthIsWholeInMemory) {
    if (!exists("/dev/shm")) GTEST_SKIP() << "no /dev/shm";
    expect_whole("/dev/shm");
}

TEST(DirectAppend, AFullDiskIsToldByTheWrite) {
    File const full(::open("/dev/full", O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(full.is_open());
    auto const written = append(full, pattern(3 * mib), 64 * mib);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().fault(), Fault::exhausted) << written.error().message();
}

TEST(DirectAppend, AWriteThatFailsBehindTheCallersBackIsTold) {
    auto const folder = ScratchFolder::create();
    ASSERT_TRUE(folder);
    ASSERT_TRUE(write_file(folder->path() / "shut", {}));
    for (std::size_t const size : {2 * mib, 2 * mib + 5, 20 * mib}) {
        File const shut(::open((folder->path() / "shut").c_str(), O_RDONLY | O_CLOEXEC));
        ASSERT_TRUE(shut.is_open());
        EXPECT_FALSE(append(shut, pattern(size), 64 * mib)) << size;
    }
    // A terabyte is not read to its end for a disk that was full at the beginning.
    File const shut(::open((folder->path() / "shut").c_str(), O_RDONLY | O_CLOEXEC));
    DirectAppend direct(shut.descriptor(), "shut");
    Result<void> filled;
    std::size_t pieces = 0;
    while (filled && ++pieces < 100) filled = direct.filled(direct.room().size());
    EXPECT_LT(pieces, 6u);
}

TEST(DirectAppend, GivenUpHalfWayLeavesAnOrdinaryDescriptor) {
    auto const folder = ScratchFolder::create();
    ASSERT_TRUE(folder);
    auto file = File::create(folder->path() / "half");
    ASSERT_TRUE(file);
    {
        DirectAppend direct(file->descriptor(), "half");
        std::ranges::fill(direct.room(), std::byte{7});
        ASSERT_TRUE(direct.filled(direct.room().size()));
        std::ranges::fill(direct.room().first(10), std::byte{8});
        ASSERT_TRUE(direct.filled(10));
    }
    EXPECT_EQ(::fcntl(file->descriptor(), F_GETFL) & O_DIRECT, 0);
    auto const size = file->size_bytes();
    ASSERT_TRUE(size);
    EXPECT_EQ(*size, 2 * mib);  // the ten bytes were never finished
}

}  // namespace
}  // namespace perdure::system
