#include "service/report/signed_report.h"

#include <gtest/gtest.h>

namespace perdure::service {
namespace {

struct Signing : ::testing::Test {
    system::ScratchFolder scratch = *system::ScratchFolder::create();
    system::Path folder = scratch.path() / "state";
    ReportKeys keys() { return *ReportKeys::open(folder); }
    static data::Json body() {
        data::Json json;
        json.put("passed", true).put("items", std::int64_t{1} << 60).put("name", "a\"é\n");
        return json;
    }
};

TEST_F(Signing, WhatIsSignedVerifiesAlsoWhenItIsLaidOutAnew) {
    auto const text = keys().sign("drill", body());
    auto const report = verify_report(text);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->kind, "drill");
    EXPECT_EQ(report->key_id, keys().current().id);
    EXPECT_EQ(report->report.find("body")->integer_of("items"), std::int64_t{1} << 60);
    EXPECT_TRUE(verify_report(data::Json::parse(text)->canonical()));
}

TEST_F(Signing, EveryChangedCharacterIsNoticed) {
    auto const text = data::Json::parse(keys().sign("drill", body()))->canonical();
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (char const other : {'x', '0', ' '}) {
            auto changed = text;
            if (changed[at] == other) continue;
            changed[at] = other;
            auto const parsed = data::Json::parse(changed);
            if (parsed && *parsed == *data::Json::parse(text)) continue;  // a blank between tokens
            EXPECT_FALSE(verify_report(changed)) << at << " " << changed;
        }
    }
    for (std::size_t length = 0; length < text.size(); length += 7) {
        EXPECT_FALSE(verify_report(text.substr(0, length)));
    }
}

TEST_F(Signing, AnAddedMemberIsNoticed) {
    auto report = *data::Json::parse(keys().sign("drill", body()));
    report.put("remark", "fine");
    auto const verified = verify_report(report.pretty());
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().code(), 14);
}

TEST_F(Signing, ReportsOfARotatedKeyStillVerifyAndTheNewKeyIsVouchedFor) {
    auto instance = keys();
    auto const old_id = instance.current().id;
    auto const text = instance.sign("drill", body());
    ASSERT_TRUE(instance.rotate());
    EXPECT_NE(instance.current().id, old_id);
    EXPECT_EQ(instance.current().previous, old_id);
    EXPECT_EQ(keys().current().id, instance.current().id);
    EXPECT_TRUE(verify_report(text));
    EXPECT_EQ(verify_report(instance.sign("drill", body()))->key_id, instance.current().id);
    auto const known = *ReportKeys::known(folder);
    ASSERT_EQ(known.size(), 2u);
    EXPECT_EQ(known[0].id, old_id);
    EXPECT_FALSE(known[0].current);
    EXPECT_TRUE(known[1].current);
}

TEST_F(Signing, TheSecretIsReadableByItsOwnerOnly) {
    auto const made = keys();
    auto const mode = std::filesystem::status(folder / "report-keys/signing.key").permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(Signing, ADamagedSecretIsNamedAndNotReplaced) {
    static_cast<void>(keys());
    ASSERT_TRUE(system::write_file(folder / "report-keys/signing.key", as_bytes("garbage")));
    auto const opened = ReportKeys::open(folder);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().fault(), Fault::corrupt);
}

TEST_F(Signing, KeysAreReadFromFilesHexAndBase64) {
    auto const current = keys().current();
    auto const file = folder / "report-keys" / (current.id + ".json");
    for (auto const& text :
         {file.string(), to_hex(current.key.view()), to_base64(current.key.view())}) {
        auto const key = read_report_key(text);
        ASSERT_TRUE(key) << text;
        EXPECT_EQ(*key, current.key);
    }
    EXPECT_FALSE(read_report_key("nonsense"));
}

}  // namespace
}  // namespace perdure::service
