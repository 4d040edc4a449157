#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "policy/retention.h"
#include "service/config/edit.h"
#include "service/config/key.h"
#include "service/exit_code.h"
#include "service/receipts.h"
#include "service/snapshots.h"

namespace perdure::service {
namespace {

using testing::HasSubstr;

repository::Snapshot snapshot(unsigned char first, std::int64_t second,
                              std::vector<std::string> tags = {}) {
    repository::Snapshot out;
    out.session.bytes.fill(std::byte{first});
    out.started = out.finished = {second, 0};
    out.tags = std::move(tags);
    return out;
}

struct ChooseSnapshot : testing::Test {
    std::vector<repository::Snapshot> all{snapshot(0xaa, 100, {"gold"}), snapshot(0xab, 200),
                                          snapshot(0xcc, 300, {"gold"})};
};

TEST_F(ChooseSnapshot, LatestPrefixTagAndTimeAllWork) {
    EXPECT_EQ(choose_snapshot(all, "latest", {})->started.seconds, 300);
    EXPECT_EQ(choose_snapshot(all, "abab", {})->started.seconds, 200);
    EXPECT_EQ(choose_snapshot(all, "ABAB", {})->started.seconds, 200);
    EXPECT_EQ(choose_snapshot(all, "gold", {})->started.seconds, 300);
    EXPECT_EQ(choose_snapshot(all, "latest", Timestamp{250, 0})->started.seconds, 200);
    EXPECT_EQ(choose_snapshot(all, "gold", Timestamp{250, 0})->started.seconds, 100);
}

TEST_F(ChooseSnapshot, WhatFitsNothingOrSeveralIsRefused) {
    EXPECT_EQ(choose_snapshot(all, "nothing", {}).error().fault(), Fault::not_found);
    EXPECT_EQ(choose_snapshot(all, "aa", {}).error().fault(), Fault::not_found) << "too short";
    EXPECT_EQ(choose_snapshot(all, "latest", Timestamp{50, 0}).error().fault(), Fault::not_found);
    EXPECT_EQ(choose_snapshot({}, "latest", {}).error().fault(), Fault::not_found);
    auto twin = all;
    twin.push_back(snapshot(0xaa, 400));
    twin.back().session.bytes[15] = std::byte{0};
    auto const several = choose_snapshot(twin, "aaaa", {});
    ASSERT_FALSE(several);
    EXPECT_EQ(several.error().fault(), Fault::invalid);
}

TEST_F(ChooseSnapshot, AWordThatIsATagAndTheBeginningOfAnIdMeansNeither) {
    all[2].tags = {"abab", "gold"};
    auto const both = choose_snapshot(all, "abab", {});
    ASSERT_FALSE(both);
    EXPECT_EQ(both.error().fault(), Fault::invalid);
    EXPECT_EQ(choose_snapshot(all, "ababab", {})->started.seconds, 200);
    EXPECT_EQ(choose_snapshot(all, "gold", {})->started.seconds, 300);
}

TEST_F(ChooseSnapshot, AWritersOwnNumbersBeatItsClock) {
    for (std::size_t at = 0; at < all.size(); ++at) all[at].sequence = at + 1;
    all[1].finished = {4'000'000'000, 0};  // the clock ran ahead once
    EXPECT_EQ(choose_snapshot(all, "latest", {})->sequence, 3u);
    all[2].finished = {1, 0};  // and started in 1970 the next time
    EXPECT_EQ(choose_snapshot(all, "latest", {})->sequence, 3u);
    auto other = snapshot(0xee, 350);
    other.writer.bytes.fill(std::byte{7});
    other.sequence = 1;
    all.push_back(other);
    EXPECT_EQ(choose_snapshot(all, "latest", {})->started.seconds, 350);
    EXPECT_EQ(choose_snapshot(all, "gold", Timestamp{250, 0})->sequence, 3u) << "taken in 1970";
}

/// One snapshot a day, each following the one before, received a minute after it was finished.
std::vector<repository::Snapshot> a_week() {
    std::vector<repository::Snapshot> all;
    for (int day = 0; day < 7; ++day) {
        auto one = snapshot(static_cast<unsigned char>(day + 1), 1'750'000'000 + day * 86'400LL);
        one.received = one.finished + std::chrono::seconds(60);
        if (!all.empty()) {
            one.parent = all.back().session;
            one.parent_receipt = all.back().received;
        }
        all.push_back(one);
    }
    return all;
}

std::size_t kept_daily(std::vector<repository::Snapshot> const& all, Timestamp now) {
    auto const receipts = first_receipts(all);
    std::vector<policy::Candidate> candidates;
    for (std::size_t at = 0; at < all.size(); ++at) {
        candidates.push_back(
            {.id = all[at].id(), .claimed = all[at].finished, .received = receipts[at]});
    }
    auto const verdicts = policy::judge({.daily = 30}, std::move(candidates), now);
    if (!verdicts) return 0;
    return static_cast<std::size_t>(std::ranges::count_if(*verdicts, &policy::Verdict::keep));
}

TEST(FirstReceipts, ACopyOfARepositoryExpiresNothingOfWhatItsOriginalKeeps) {
    auto all = a_week();
    Timestamp const copied{1'760'000'000, 0};
    EXPECT_EQ(kept_daily(all, copied), 7u);
    auto const before = first_receipts(all);
    for (auto& one : all) one.received = copied;  // cp -r
    EXPECT_EQ(kept_daily(all, copied), 7u);
    auto expected = before;
    expected.back() = all.back().finished;  // nobody followed it: its writer's claim
    EXPECT_EQ(first_receipts(all), expected);
    // A repair, or a sync to where some were missing, stamps only a few.
    auto few = a_week();
    few[1].received = few[3].received = copied;
    EXPECT_EQ(first_receipts(few), expected);
}

TEST(FirstReceipts, NobodyAgesTheSnapshotsOfAnotherAndAWrongClockAgesNothing) {
    auto all = a_week();
    all[6].parent_receipt = Timestamp{0, 0};  // a lie about the one before
    EXPECT_EQ(first_receipts(all)[5], all[5].finished);
    auto wrong = a_week();
    wrong.back().finished = {1, 0};  // a machine that woke up in 1970
    EXPECT_EQ(first_receipts(wrong).back(), wrong.back().received);
    for (auto& one : wrong) one.received = {1'760'000'000, 0};
    EXPECT_EQ(first_receipts(wrong).back(), *wrong.back().parent_receipt);
    auto ahead = a_week();
    ahead[2].finished = {1'900'000'000, 0};  // a claim from the future
    EXPECT_EQ(first_receipts(ahead)[2], ahead[2].received);
}

TEST(Confirmation, OnlyAnAcceptedNameConfirms) {
    EXPECT_TRUE(check_confirmation("a", {"a", "b"}, "x"));
    for (char const* given : {"", "c"}) {
        auto const refused = check_confirmation(given, {"a", "b"}, "all of it would go");
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code(), 17);
        EXPECT_THAT(refused.error().fix(), HasSubstr("--confirm a"));
    }
}

TEST(Key, MaterialIsRecognisedByItsForm) {
    using Kind = repository::KeySecret::Kind;
    EXPECT_EQ(kind_of_secret(as_bytes("perdure-key 1 AAAA\n")), Kind::key_file);
    EXPECT_EQ(kind_of_secret(as_bytes("perdure-recovery 1\n…")), Kind::recovery_phrase);
    EXPECT_EQ(kind_of_secret(as_bytes("correct horse\n")), Kind::passphrase);
    EXPECT_EQ(kind_of_secret(as_bytes(std::string_view("\x00\x01\xff\xfe", 4))), Kind::key_file);
}

TEST(Key, EveryWayGivesItsSecretAndAMissingOneIsNamed) {
    auto const folder = system::ScratchFolder::create();
    ASSERT_TRUE(folder);
    auto const file = folder->path() / "pass";
    ASSERT_TRUE(system::write_file(file, as_bytes("open sesame\n")));
    setenv("PERDURE_TEST_KEY", "open sesame", 1);
    setenv("CREDENTIALS_DIRECTORY", folder->path().c_str(), 1);
    using Way = KeyReference::Way;
    AskSecret const ask = [](std::string const&) -> Result<crypto::SecretBytes> {
        return crypto::SecretBytes(to_bytes(std::string_view("open sesame")));
    };
    std::vector<KeyReference> const ways{
        {Way::file, file.string(), {}, {}},    {Way::environment, "PERDURE_TEST_KEY", {}, {}},
        {Way::credential, "pass", {}, {}},     {Way::command, "", {"cat", file.string()}, {}},
        {Way::literal, "open sesame", {}, {}}, {Way::prompt, "", {}, {}}};
    for (auto const& way : ways) {
        auto const secret = load_key(way, ask, {});
        ASSERT_TRUE(secret) << secret.error().message();
        EXPECT_EQ(as_text(secret->bytes.view()), "open sesame");
    }
    std::vector<KeyReference> const missing{{Way::file, (file / "x").string(), {}, {}},
                                            {Way::environment, "PERDURE_TEST_ABSENT", {}, {}},
                                            {Way::credential, "../pass", {}, {}},
                                            {Way::command, "", {"false"}, {}},
                                            {Way::literal, "", {}, {}}};
    for (auto const& way : missing) {
        auto const secret = load_key(way, ask, {});
        ASSERT_FALSE(secret);
        EXPECT_FALSE(secret.error().message().empty());
    }
}

TEST(Key, ACommandThatFailsIsNamedAndWhatItSaidIsNot) {
    using Way = KeyReference::Way;
    struct Case {
        std::string script, told;
    };
    std::vector<Case> const cases{{"echo s3cret >&2; echo s3cret; exit 3", "status 3"},
                                  {"true", "printed nothing"},
                                  {"yes s3cret", "more than 64 KiB"},
                                  {"echo s3cret; sleep 60", "did not end within"},
                                  {"echo s3cret; exec >&- 2>&-; sleep 60", "did not end within"}};
    for (auto const& [script, told] : cases) {
        KeyReference reference{Way::command, "", {"sh", "-c", script}, {}};
        reference.limit = std::chrono::milliseconds(500);
        auto const begun = std::chrono::steady_clock::now();
        auto const secret = load_key(reference, {}, {});
        ASSERT_FALSE(secret) << script;
        EXPECT_EQ(exit_code_of(secret.error()), exit_code::wrong_key) << script;
        EXPECT_NE(secret.error().message().find(told), std::string::npos)
            << secret.error().message();
        EXPECT_EQ(secret.error().message().find("s3cret"), std::string::npos);
        EXPECT_FALSE(secret.error().fix().empty());
        EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
    }
    auto const absent = load_key({Way::command, "", {"perdure-no-such-program"}, {}}, {}, {});
    ASSERT_FALSE(absent);
    EXPECT_EQ(exit_code_of(absent.error()), exit_code::wrong_key);
}

TEST(ConfigEdit, AProposedSourceReadsBackAsItWas) {
    origin::SourceOptions source;
    source.name = "app";
    source.type = "sqlite";
    source.path = "/srv/app/a \"b\".db";
    source.media = "/srv/app/media";
    source.mask = {{"users.phone", "drop"}};
    source.mapping.subjects =
        data::SubjectMapping{"users", "id", "name", "email", {{"notes", "uid"}}};
    source.mapping.records.push_back(
        {"memory",
         "memories",
         {{"title", "t"}, {"embedding", "e"}, {"embedding_dtype", "f32"}, {"stars", "rating"}}});
    auto const text = starter_config({.sources = source_sections(source, "/srv/app", {})});
    auto const loaded = parse_config(text, "/srv/app/perdure.toml");
    ASSERT_TRUE(loaded.config) << describe_faults(loaded.file, loaded.faults) << text;
    auto const& back = loaded.config->sources.at(0).options;
    EXPECT_EQ(back.path, source.path);
    EXPECT_EQ(back.media, source.media);
    EXPECT_EQ(back.mask, source.mask);
    EXPECT_EQ(back.mapping.subjects->owners, source.mapping.subjects->owners);
    EXPECT_EQ(back.mapping.records.at(0).fields, source.mapping.records.at(0).fields);
}

TEST(ConfigEdit, AChangeThatWouldLeaveFaultsIsNotMade) {
    auto const folder = system::ScratchFolder::create();
    ASSERT_TRUE(folder);
    auto const file = folder->path() / "perdure.toml";
    auto const text = starter_config({});
    ASSERT_TRUE(system::write_file(file, as_bytes(text)));
    EXPECT_FALSE(append_sections(file, "source.x", "[source.x]\ntype = \"nonsense\"\n"));
    EXPECT_FALSE(append_sections(file, "destination.disk", destination_section("disk", "x")));
    EXPECT_EQ(to_string(*system::read_file(file, 1 << 20)), text);
    ASSERT_TRUE(append_sections(file, "destination.two", destination_section("two", "b2")));
    ASSERT_TRUE(add_repository_destination(file, "main", "two"));
    auto const config = load_config(file);
    ASSERT_TRUE(config);
    EXPECT_EQ(config->repositories.at(0).destinations, (std::vector<std::string>{"disk", "two"}));
}

TEST(ConfigEdit, ADestinationAndItsNameComeInOneStepOrNotAtAll) {
    auto const folder = system::ScratchFolder::create();
    ASSERT_TRUE(folder);
    auto const file = folder->path() / "perdure.toml";
    auto const around = [](std::string const& array) {
        return "version = 1\n[repository.main]\ndestinations = " + array +
               "\nkey = { file = \"k\" }\n[destination.a]\ntype = \"local\"\npath = \"b\"\n";
    };
    for (char const* array :
         {"[\"a\"]", "['a',]", "[\n  \"a\",  # [one], \"x\"\n]", "[ # it's ]\n \"a\" # ]\n]"}) {
        ASSERT_TRUE(system::write_file(file, as_bytes(around(array))));
        auto const added = add_destination(file, "main", "two", destination_section("two", "b2"));
        ASSERT_TRUE(added) << array << added.error().message();
        EXPECT_EQ(load_config(file)->repositories.at(0).destinations,
                  (std::vector<std::string>{"a", "two"}))
            << array;
    }
    auto const before = to_string(*system::read_file(file, 1 << 20));
    EXPECT_FALSE(add_destination(file, "main", "two", destination_section("two", "b3")));
    EXPECT_FALSE(add_destination(file, "main", "x", destination_section("x", "caf\xe9")));
    EXPECT_EQ(to_string(*system::read_file(file, 1 << 20)), before);
}

}  // namespace
}  // namespace perdure::service
