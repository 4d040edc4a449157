#include "format/archive/unpack/gzip_members.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "data/bytes/memory_content.h"

namespace perdure::format {
namespace {

Bytes member(std::string_view text) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    Bytes out(text.size() + 64);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(out.size() - stream.avail_out);
    deflateEnd(&stream);
    return out;
}

std::string all_of(ByteView file) {
    data::MemorySource source(file);
    GzipMembers members(source);
    std::string text;
    while (true) {
        auto const piece = members.next();
        EXPECT_TRUE(piece);
        if (!piece || piece->bytes.empty()) return text;
        text += as_text(piece->bytes);
    }
}

TEST(GzipMembers, AnyNumberOfEmptyOnesIsPassedOver) {
    constexpr int empty_members = 50'000;
    auto const empty = member("");
    Bytes file;
    for (int i = 0; i < empty_members; ++i) append(file, empty);
    append(file, member("text"));
    EXPECT_EQ(all_of(file), "text");
    EXPECT_EQ(all_of(ByteView(file).first(empty.size() * 100)), "");
}

}  // namespace
}  // namespace perdure::format
