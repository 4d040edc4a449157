#include "service/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "service/config/units.h"

namespace perdure::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char const* whole = R"(version = 1
[repository.main]
destinations = ["disk"]
key = { file = "perdure.key" }
[destination.disk]
type = "local"
path = "backups"
[source.app]
type = "sqlite"
path = "app.db"
media = "media"
mask = { "users.phone" = "drop" }
[source.app.subjects]
table = "users"
key = "id"
[source.app.records.memory]
table = "memories"
title = "title"
tags = "memory_tags(memory_id, tag_id) -> tags.name"
embedding = { column = "embedding", model = "embedding_model", dtype = "f32" }
[source.app.invariants]
orphans = "SELECT 1 FROM memories WHERE user_id IS NULL"
[schedule.nightly]
job = "backup"
source = "app"
cron = "0 2 * * mon-fri"
timezone = "Europe/Berlin"
retry = { attempts = 5, backoff = "1m..1h" }
[retention.default]
last = 3
within = "30d"
[limits]
cpu = 1.0
upload_mb_s = { default = 50, "08:00-18:00" = 5 }
window = "01:00-06:00"
[objectives]
rpo = "1h"
)";

LoadedConfig parse(std::string const& text) {
    return parse_config(text, "/etc/app/perdure.toml");
}

TEST(Config, TheProductsExampleIsReadWhole) {
    auto const loaded = parse(whole);
    ASSERT_TRUE(loaded.config) << describe_faults(loaded.file, loaded.faults);
    Config const& config = *loaded.config;
    ASSERT_EQ(config.sources.size(), 1u);
    auto const& source = config.sources[0];
    EXPECT_EQ(source.options.path, "/etc/app/app.db");
    EXPECT_EQ(source.options.media, "/etc/app/media");
    EXPECT_EQ(source.options.mask.at("users.phone"), "drop");
    ASSERT_TRUE(source.options.mapping.subjects);
    EXPECT_EQ(source.options.mapping.subjects->table, "users");
    ASSERT_EQ(source.options.mapping.records.size(), 1u);
    auto const& record = source.options.mapping.records[0];
    EXPECT_EQ(record.type, "memory");
    EXPECT_EQ(record.table, "memories");
    EXPECT_EQ(record.fields.at("embedding"), "embedding");
    EXPECT_EQ(record.fields.at("embedding_dtype"), "f32");
    ASSERT_EQ(source.invariants.size(), 1u);
    EXPECT_EQ(source.invariants[0].name, "orphans");
    EXPECT_EQ(config.repositories[0].key.value, "/etc/app/perdure.key");
    EXPECT_EQ(config.retention[0].last, 3u);
    EXPECT_EQ(config.objectives.rpo, std::chrono::hours(1));
    EXPECT_EQ(config.objectives.drill_every, std::chrono::hours(24 * 30));
}

TEST(Config, AllFaultsAreReportedAtOnceWithLineAndColumn) {
    auto const loaded = parse(R"(version = 1
[repository.main]
destinations = ["dsik"]
key = { file = "perdure.key" }
[destination.disk]
type = "local"
pth = "backups"
[source.app]
type = "sqlight"
path = "app.db"
priority = "high"
[retention.default]
within = "soon"
)");
    EXPECT_FALSE(loaded.config);
    auto const text = describe_faults(loaded.file, loaded.faults);
    EXPECT_THAT(text, HasSubstr("perdure.toml:3:17: repository.main.destinations: there is no "
                                "[destination.dsik] (did you mean \"disk\"?)"));
    EXPECT_THAT(text, HasSubstr("perdure.toml:7:1: unknown key \"pth\" in [destination.disk] "
                                "(did you mean \"path\"?)"));
    EXPECT_THAT(text, HasSubstr("perdure.toml:9:1: source.app.type: \"sqlight\""));
    EXPECT_THAT(text, HasSubstr("did you mean \"sqlite\"?"));
    EXPECT_THAT(text, HasSubstr("perdure.toml:11:1: source.app.priority: must be a whole number"));
    EXPECT_THAT(text, HasSubstr("perdure.toml:13:1: retention.default.within: \"soon\""));
}

TEST(Config, ASyntaxErrorDoesNotHideTheOtherFaults) {
    auto const loaded = parse(
        "version = 1\n[source.a\ntype = \"files\"\n[source.b]\n"
        "type = = 3\npaht = \"x\"\ntype = \"files\"\n");
    auto const text = describe_faults(loaded.file, loaded.faults);
    EXPECT_THAT(text, HasSubstr("perdure.toml:2:"));
    EXPECT_THAT(text, HasSubstr("perdure.toml:5:"));
    EXPECT_THAT(text, HasSubstr("perdure.toml:6:1: unknown key \"paht\""));
}

TEST(Config, AMissingFieldNamesItsSectionAndAnExample) {
    auto const loaded = parse(
        "[repository.main]\nkey = { env = \"K\" }\n[source.x]\n"
        "type = \"files\"\n");
    auto const text = describe_faults(loaded.file, loaded.faults);
    EXPECT_THAT(text, HasSubstr("\"version\" is missing (add: version = 1)"));
    EXPECT_THAT(text, HasSubstr("[repository.main] lacks \"destinations\""));
    EXPECT_THAT(text, HasSubstr("[source.x] lacks \"path\""));
}

TEST(Config, AKnownButUnsupportedDestinationSaysSo) {
    auto const loaded = parse("version = 1\n[destination.cloud]\ntype = \"s3\"\n");
    ASSERT_EQ(loaded.faults.size(), 1u);
    EXPECT_THAT(loaded.faults[0].message, HasSubstr("\"s3\" is not supported yet"));
    EXPECT_EQ(loaded.faults[0].place.line, 3);
}

TEST(Config, TwoDestinationsInOneFolderAreRefusedHoweverTheyAreSpelled) {
    auto const folder =
        std::filesystem::temp_directory_path() / ("one-folder" + std::to_string(getpid()));
    std::filesystem::create_directories(folder / "real");
    std::filesystem::create_directory_symlink(folder / "real", folder / "link");
    auto const section = [](std::string const& name, std::filesystem::path const& path) {
        return "[destination." + name + "]\ntype = \"local\"\npath = \"" + path.string() + "\"\n";
    };
    std::string const first = "version = 1\n" + section("one", folder / "real");
    for (auto const& other : {folder / "real", folder / "link", folder / "real/../real/."}) {
        auto const loaded = parse(first + section("two", other));
        ASSERT_EQ(loaded.faults.size(), 1u) << other;
        EXPECT_THAT(loaded.faults[0].message, HasSubstr("folder of destination \"one\""));
        EXPECT_EQ(loaded.faults[0].place.line, 7);
    }
    // Not mounted yet: their names alone tell.
    auto const absent = folder / "absent";
    EXPECT_EQ(
        parse("version = 1\n" + section("one", absent) + section("two", folder / "link/../absent"))
            .faults.size(),
        1u);
    EXPECT_TRUE(parse(first + section("two", folder)).faults.empty());
    std::filesystem::remove_all(folder);
}

TEST(Config, ALiteralKeyWarnsAndIsNeverShown) {
    auto const loaded = parse(
        "version = 1\n[repository.main]\ndestinations = [\"d\"]\n"
        "key = \"hunter2\"\n[destination.d]\ntype = \"local\"\npath = \"b\"\n");
    ASSERT_TRUE(loaded.config);
    ASSERT_EQ(loaded.warnings.size(), 1u);
    for (auto const& shown : show_config(*loaded.config, true)) {
        EXPECT_THAT(shown.value, testing::Not(HasSubstr("hunter2")));
    }
}

TEST(Config, WhatThisVersionDoesNotActOnIsWarnedAboutOncePerSection) {
    auto const loaded = parse(whole);
    ASSERT_TRUE(loaded.config);
    std::string all;
    for (auto const& warning : loaded.warnings) all += warning.message + "\n";
    EXPECT_THAT(all, HasSubstr("[schedule.nightly]"));
    EXPECT_THAT(all, testing::Not(HasSubstr("[retention")));
    EXPECT_EQ(loaded.warnings.size(), 3u) << all;  // schedule, its retry, limits.window
}

TEST(Config, ASecondRepositoryIsSaidToBeFilledByNobody) {
    std::string const key = "key = { env = \"K\" }\n";
    auto const loaded = parse("version = 1\n[repository.first]\ndestinations = [\"d\"]\n" + key +
                              "[repository.main]\ndestinations = [\"e\"]\n" + key +
                              "[destination.d]\ntype = \"local\"\npath = \"d\"\n"
                              "[destination.e]\ntype = \"local\"\npath = \"e\"\n");
    ASSERT_TRUE(loaded.config);
    EXPECT_EQ(loaded.config->default_repository()->name, "main");
    ASSERT_EQ(loaded.warnings.size(), 1u);
    EXPECT_THAT(loaded.warnings.front().message, HasSubstr("[repository.first]"));
    EXPECT_THAT(loaded.warnings.front().message, HasSubstr("--destination d"));
}

TEST(Config, UploadLimitsFollowTheTimeOfDay) {
    LimitsConfig limits;
    limits.upload.otherwise = 50;
    limits.upload.by_hour = {{{8 * 60, 18 * 60}, 5}, {{22 * 60, 6 * 60}, 7}};
    EXPECT_EQ(limits.upload.at(9 * 60), 5);
    EXPECT_EQ(limits.upload.at(18 * 60), 50);
    EXPECT_EQ(limits.upload.at(23 * 60), 7);
    EXPECT_EQ(limits.upload.at(5 * 60), 7);
}

TEST(Config, ShownValuesNameTheirOrigin) {
    auto const loaded = parse(whole);
    ASSERT_TRUE(loaded.config);
    std::map<std::string, std::pair<std::string, std::string>> shown;
    for (auto const& s : show_config(*loaded.config, true)) shown[s.path] = {s.value, s.origin};
    EXPECT_THAT(shown["source.app.path"], testing::Pair("\"app.db\"", "perdure.toml:10"));
    EXPECT_THAT(shown["source.app.one_file_system"], testing::Pair("false", "default"));
    EXPECT_THAT(shown["objectives.drill_every"], testing::Pair("\"30d\"", "default"));
    EXPECT_EQ(shown["source.app.invariants.orphans"].second, "perdure.toml:22");
}

TEST(Config, PasswordsInAddressesAreNotShown) {
    auto const loaded = parse(
        "version = 1\n[source.dump]\ntype = \"command\"\n"
        "command = [\"pg_dump\", \"postgres://app:s3cret@db:5432/app\", \"https://x.org/a:b@c\", "
        "\"redis://:s3cret@h\"]\n");
    ASSERT_TRUE(loaded.config);
    std::string all;
    for (auto const& each : show_config(*loaded.config, true)) all += each.value + "\n";
    EXPECT_THAT(all, testing::Not(HasSubstr("s3cret")));
    EXPECT_THAT(all, HasSubstr("postgres://app:[redacted]@db:5432/app"));
    EXPECT_THAT(all, HasSubstr("redis://:[redacted]@h"));
    EXPECT_THAT(all, HasSubstr("https://x.org/a:b@c"));
}

/// What stands in a command is seen by whoever the runbook is printed for.
TEST(Config, WhatLooksLikeASecretIsNotShown) {
    auto const shown = [](std::string const& value) {
        auto const loaded =
            parse("version = 1\n[source.dump]\ntype = \"command\"\ncommand = [" + value + "]\n");
        EXPECT_TRUE(loaded.config) << value;
        for (auto const& each : show_config(*loaded.config, false))
            if (each.path == "source.dump.command") return each.value;
        return std::string();
    };
    for (std::string const command : {
             R"("pg_dump", "--password", "geheim", "app")",
             R"("mysqldump", "-uapp", "-pgeheim", "app")",
             R"("mysqldump", "--password=geheim")",
             R"("env", "PGPASSWORD=geheim", "pg_dump")",
             R"("sh", "-c", "MYSQL_PWD=geheim mysqldump app | gzip")",
             R"("sh", "-c", "mysqldump -pgeheim app")",
             R"("sh", "-c", "PW='geheim' x; tool --db-password 'geheim' y --token geheim")",
             R"("curl", "-H", "Authorization: Bearer geheim", "https://x.org")",
             R"("sh", "-c", "curl -H 'X-Api-Key: geheim' https://x.org/?a=b&token=geheim&c=d")",
             R"("curl", "-u", "app:geheim", "--user=app:geheim", "https://app:geheim@x.org")",
             R"("sshpass", "-p", "geheim", "ssh", "x")",
             R"("redis-cli", "-a", "geheim", "--rdb", "-")",
             R"("curl", "-d", "{\"password\": \"geheim\"}", "x")",
             R"("x", "ghp_geheim0123456789")",
         }) {
        auto const value = shown(command);
        EXPECT_THAT(value, testing::Not(HasSubstr("geheim"))) << command;
        EXPECT_THAT(value, HasSubstr("[redacted]")) << command;
    }
    for (std::string const command : {
             R"("pg_dump", "--no-password", "--host=db", "app")",
             R"("restic", "--password-file", "/etc/pw", "-p", "/etc/pw")",
             R"("sh", "-c", "set -o pipefail; pg_dump app | gzip -9")",
             R"x("tool", "--password", "$PASSWORD", "--token=$(cat token)")x",
             R"("rsync", "-a", "/var/lib/mysql", "x:/y")",
         }) {
        EXPECT_EQ(shown(command), "[" + command + "]");
    }
}

TEST(Config, AnEmptyRetentionPolicyIsRefused) {
    auto const loaded = parse("version = 1\n[retention.default]\nlast = 0\n");
    ASSERT_EQ(loaded.faults.size(), 1u);
    EXPECT_THAT(loaded.faults[0].message, HasSubstr("keeps nothing"));
}

TEST(Config, RetentionRulesThatNothingFollowsAreWarnedAbout) {
    std::string const app = "[retention.app]\ndaily = 365\n", photos = "[retention.b]\nlast = 2\n";
    EXPECT_TRUE(parse("version = 1\n" + app).warnings.empty()) << "the only ones count";
    auto const two = parse("version = 1\n" + app + "[retention.default]\nlast = 3\n");
    ASSERT_TRUE(two.config);
    EXPECT_EQ(two.config->retention_rule()->name, "default");
    ASSERT_EQ(two.warnings.size(), 1u);
    EXPECT_THAT(two.warnings[0].message, HasSubstr("[retention.app] is used by nothing"));
    auto const none = parse("version = 1\n" + app + photos);
    ASSERT_TRUE(none.config);
    EXPECT_EQ(none.config->retention_rule(), nullptr);
    EXPECT_EQ(none.warnings.size(), 2u);
}

TEST(Config, MediaOfPeopleThatLieTwiceAreWarnedAbout) {
    auto const warnings = [](std::string const& files, std::string const& rows) {
        auto const loaded = parse(
            "version = 1\n[source.app]\ntype = \"sqlite\"\npath = \"/d/app.db\"\n"
            "media = \"/d/media\"\n" +
            rows +
            "[source.app.subjects]\ntable = \"users\"\nkey = \"id\"\n"
            "[source.f]\ntype = \"files\"\n" +
            files);
        EXPECT_TRUE(loaded.config);
        return loaded.warnings;
    };
    std::string const part = "exclude = [\"thumbs/\"]\n";
    EXPECT_TRUE(warnings("path = \"/d\"\n", "").empty()) << "it stays out by itself";
    EXPECT_TRUE(warnings("path = \"/d/media2\"\n", "").empty());
    for (std::string const path : {"/d/media", "/d/media/thumbs", "/d/./media/"}) {
        auto const found = warnings("path = \"" + path + "\"\n", "");
        ASSERT_EQ(found.size(), 1u) << path;
        EXPECT_THAT(found[0].message, HasSubstr("[source.f] takes in media of people"));
        EXPECT_THAT(found[0].fix, HasSubstr("drop [source.f]"));
    }
    auto const found = warnings("path = \"/d\"\n", part);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_THAT(found[0].fix, HasSubstr("drop `exclude` of [source.app]"));
    for (std::string const rule : {"media/", "/media", "media/**", "/d/media"})
        EXPECT_TRUE(warnings("path = \"/d\"\nexclude = [\"" + rule + "\"]\n", part).empty())
            << rule;
    EXPECT_EQ(warnings("path = \"/d\"\n", "one_file_system = true\n").size(), 1u);
    std::string const tail = "[source.g]\ntype = \"git\"\npath = \"/d\"\n";
    EXPECT_EQ(warnings("path = \"/e\"\n" + tail, "").size(), 1u);
    EXPECT_TRUE(warnings("path = \"/e\"\n" + tail + "exclude = [\"/media\"]\n", "").empty());
    std::string const rows = "[source.r]\ntype = \"sqlite\"\npath = \"/d/r.db\"\nmedia = \"/d\"\n";
    EXPECT_EQ(warnings("path = \"/e\"\n" + rows, "").size(), 1u);
    EXPECT_TRUE(
        warnings("path = \"/e\"\n" + rows + "[source.r.subjects]\ntable = \"u\"\nkey = \"id\"\n",
                 "")
            .empty());
}

TEST(Config, ACountThatIsTooLargeKeepsAllAndNotFew) {
    auto const loaded = parse("version = 1\n[retention.default]\nlast = 4294967296\ndaily = 1\n");
    ASSERT_TRUE(loaded.config);
    EXPECT_GT(loaded.config->retention[0].last, 100'000'000u);
    EXPECT_FALSE(loaded.config->retention[0].empty());
}

TEST(Config, NamesThatCouldLeaveAFolderAreRefused) {
    auto const loaded = parse("version = 1\n[source.\"../x\"]\ntype = \"files\"\npath = \"a\"\n");
    ASSERT_FALSE(loaded.faults.empty());
    EXPECT_THAT(loaded.faults[0].message, HasSubstr("cannot be a name"));
}

TEST(Config, HostileTextIsRefusedWithoutHarm) {
    for (std::string const& text :
         {std::string("\xff\xfe\x00", 3), std::string("a=[[[[[[[[[[[[[[[[[[[[[[[["),
          std::string("[a]\n[a]\n"), std::string("x = \"\n"), std::string("= = =\n"),
          std::string(2000, '[')}) {
        EXPECT_FALSE(parse(text).faults.empty());
    }
}

TEST(Schema, EveryFieldIsInTheSchemaAndTheReference) {
    auto const schema = json_schema(), reference = config_reference();
    for (auto const& field : fields()) {
        EXPECT_THAT(schema, HasSubstr(std::string(field.doc).substr(0, 20)));
        EXPECT_THAT(reference, HasSubstr(std::string(field.doc)));
        EXPECT_FALSE(field.example.empty()) << field.path;
    }
}

TEST(Schema, EveryExampleIsAcceptedByTheParser) {
    for (auto const& field : fields()) {
        std::vector<ConfigFault> syntax;
        std::string path(field.path);
        for (auto at = path.find('*'); at != std::string::npos; at = path.find('*')) {
            path.replace(at, 1, "x");
        }
        auto const root = parse_toml(path + " = " + std::string(field.example) + "\n", syntax);
        EXPECT_TRUE(syntax.empty()) << path;
        auto const settings = check_settings(root);
        EXPECT_TRUE(settings.find(path)) << path;
    }
}

TEST(Units, DurationsReadBackAsTheyAreSpelled) {
    for (char const* text : {"26h", "7d", "90s", "1h30m", "500ms", "2w"}) {
        auto const read = parse_duration(text);
        ASSERT_TRUE(read) << text;
        EXPECT_EQ(parse_duration(spell_duration(*read)), *read);
    }
    EXPECT_EQ(parse_duration("1h30m")->count(), 5'400'000);
    for (char const* text : {"", "26", "h", "1y", "-1h", "99999999999999999999h", "1h "}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

TEST(Units, SizesKnowDecimalAndBinaryUnits) {
    EXPECT_EQ(parse_size("64MiB").value(), 64u << 20);
    EXPECT_EQ(parse_size("10 GB").value(), 10'000'000'000u);
    EXPECT_FALSE(parse_size("10 XB"));
    EXPECT_FALSE(parse_size("99999999999 TiB"));
}

TEST(Units, CronFieldsOutOfRangeAreNamed) {
    EXPECT_TRUE(check_cron("*/5 0-6,12 1 jan mon-fri"));
    auto const bad = check_cron("0 25 * * *");
    ASSERT_FALSE(bad);
    EXPECT_THAT(bad.error().message(), HasSubstr("hour"));
    EXPECT_FALSE(check_cron("0 2 * *"));
    EXPECT_FALSE(check_cron("*/0 2 * * *"));
}

TEST(Units, TheNearestWordIsWithinAFewEdits) {
    std::vector<std::string> const words{"path", "media", "exclude"};
    EXPECT_EQ(nearest_word("paht", words), "path");
    EXPECT_EQ(nearest_word("excludes", words), "exclude");
    EXPECT_EQ(nearest_word("zzz", words), "");
}

}  // namespace
}  // namespace perdure::service
