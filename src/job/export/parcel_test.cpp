#include "job/export/parcel.h"

#include <gtest/gtest.h>

#include "crypto/exchange.h"
#include "format/disk_tree.h"
#include "format/testing/memory_tree.h"
#include "job/export/parts.h"
#include "system/random.h"

namespace perdure::job {
namespace {

class ParcelTest : public testing::Test {
protected:
    Result<void> pack(Parcel const& parcel, std::size_t bytes) {
        output = folder / parcel_name("all.zip", parcel);
        plain.assign(bytes, '\0');
        for (std::size_t i = 0; i < bytes; ++i) plain[i] = static_cast<char>(i * 2654435761U >> 24);
        PD_CHECK(system::write_file(folder / "plain", as_bytes(std::string_view(plain))));
        std::unique_ptr<format::OutputTree> tree;
        if (parcel.part_bytes > 0) {
            PD_TRY(tree, format::open_folder(output));
        } else {
            PD_TRY(tree, format::open_single_file(output, false));
        }
        auto const written = format::work_folder(output) / "files";
        PD_CHECK(pack_parcel(folder / "plain", output, parcel, *tree, written, {}));
        return tree->finish();
    }

    std::string read(system::Path const& path) {
        return to_string(ByteView(*system::read_file(path, 1 << 24)));
    }

    system::ScratchFolder scratch = *system::ScratchFolder::create();
    system::Path folder = scratch.path(), output;
    std::string plain;
};

TEST_F(ParcelTest, NamesTellWhatIsInside) {
    Parcel both{.part_bytes = 1 << 20};
    both.seal.recipients.push_back(crypto::make_seal_pair(system::real_random()).open);
    EXPECT_EQ(parcel_name("x/all.zip", both), "x/all.zip.age.parts");
    EXPECT_EQ(parcel_name("x/all.zip.age.parts", both), "x/all.zip.age.parts");
    EXPECT_EQ(parcel_name("x/all.zip.age", both), "x/all.zip.age.parts");
    EXPECT_EQ(content_name("x/all.zip.age.parts", both), "x/all.zip");
    EXPECT_EQ(parcel_name("x/all.zip", {}), "x/all.zip");
    EXPECT_EQ(content_name("x/odd.parts", {}), "x/odd.parts");
    EXPECT_EQ(parcel_name(".age", both), ".age.parts");
}

TEST_F(ParcelTest, PartsFollowEachOtherInTheWhole) {
    constexpr std::size_t part = part_bytes_min;
    for (std::size_t const bytes :
         {std::size_t{0}, std::size_t{1}, part - 1, part, part + 1, 3 * part, 3 * part + 7}) {
        auto const done = pack({.part_bytes = part}, bytes);
        ASSERT_TRUE(done) << done.error().message();
        ASSERT_TRUE(holds_parts(output));
        EXPECT_TRUE(check_parts(output, {}));
        auto const list = PartList::parse(read(output / "parts.json"));
        ASSERT_TRUE(list);
        EXPECT_EQ(list->parts.size(), std::max<std::size_t>(1, (bytes + part - 1) / part));
        std::string joined;
        for (auto const& each : list->parts) {
            EXPECT_LE(each.bytes, part);
            joined += read(output / each.name);
        }
        EXPECT_EQ(joined, plain) << bytes;
        ASSERT_TRUE(system::remove_tree(output));
    }
}

TEST_F(ParcelTest, EveryHarmToAPartIsFoundAndNamed) {
    ASSERT_TRUE(pack({.part_bytes = part_bytes_min}, 200'000));
    auto const second = output / "all.zip.002";
    auto const whole = read(second);
    auto changed = whole;
    changed[7] = static_cast<char>(changed[7] ^ 1);
    for (auto const& harm : {changed, whole.substr(1), whole + "x", std::string()}) {
        ASSERT_TRUE(system::write_file(second, as_bytes(std::string_view(harm))));
        auto const checked = check_parts(output, {});
        ASSERT_FALSE(checked);
        EXPECT_EQ(checked.error().fault(), Fault::corrupt);
        EXPECT_NE(checked.error().message().find("all.zip.002"), std::string::npos);
    }
    ASSERT_TRUE(system::remove_file(second));
    EXPECT_EQ(check_parts(output, {}).error().fault(), Fault::corrupt);
}

TEST_F(ParcelTest, AListThatLeadsElsewhereIsRefused) {
    for (auto const* const json :
         {R"({"version":1,"name":"a","bytes":1,"sha256":"","parts":[{"name":"../b","bytes":1}]})",
          R"({"version":1,"name":"a","bytes":1,"sha256":"","parts":[{"name":"/b","bytes":1}]})",
          R"({"version":1,"name":"a","bytes":1,"sha256":"","parts":[{"name":"","bytes":1}]})",
          R"({"version":1,"name":"a","bytes":1,"sha256":"","parts":[]})",
          R"({"version":1,"name":"a","bytes":1,"sha256":"","parts":[{"name":"b"}]})",
          R"({"version":1,"name":"a.zip","bytes":1,"sha256":"","parts":[{"name":"b","bytes":1}]})",
          R"({"version":1,"name":"../a","bytes":1,"parts":[{"name":"../a.1","bytes":1}]})",
          R"({"version":2,"name":"a","bytes":1,"sha256":"","parts":[{"name":"b","bytes":1}]})",
          "[]", "", "{"}) {
        EXPECT_FALSE(PartList::parse(json)) << json;
    }
}

TEST_F(ParcelTest, TooManyPartsAreRefusedBeforeTheyAreWritten) {
    format::testing::MemoryTree tree;
    auto const opened = open_parts(tree, {"a", part_bytes_min, part_bytes_min * (parts_max + 1)});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().fault(), Fault::invalid);
}

}  // namespace
}  // namespace perdure::job
