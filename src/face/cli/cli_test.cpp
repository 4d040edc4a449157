#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "base/utf8.h"
#include "face/cli/arguments.h"
#include "face/cli/error_text.h"
#include "face/cli/help.h"
#include "face/cli/json.h"
#include "face/cli/signals.h"
#include "face/cli/terminal.h"
#include "service/config/units.h"
#include "service/exit_code.h"

namespace perdure::face {
namespace {

using testing::HasSubstr;

TEST(Arguments, OptionsStandAnywhereAndBelongToTheLongestCommand) {
    auto const parsed = parse_arguments(
        {"--json", "-c", "x.toml", "backup", "create", "app", "--tag=a", "-t", "b", "--", "--odd"});
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(parsed->command->words, "backup create");
    EXPECT_EQ(parsed->positional, (std::vector<std::string>{"app", "--odd"}));
    EXPECT_EQ(parsed->values("--tag"), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(parsed->value("--config"), "x.toml");
    EXPECT_TRUE(parsed->has("--json"));
}

TEST(Arguments, ACommandsNameIsNotTakenFromAnOptionsValue) {
    auto const parsed = parse_arguments({"--config", "status", "backup", "list"});
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->command->words, "backup list");
}

TEST(Arguments, WrongWordsAreNamedWithTheNearestKnown) {
    struct Case {
        std::vector<std::string> argv;
        char const* message;
        char const* fix;
    };
    for (auto const& wrong :
         {Case{{"bakcup"}, "there is no command \"bakcup\"", "perdure backup"},
          Case{{"repo", "chekc"}, "\"chekc\"", "perdure repo check"},
          Case{{"repo"}, "needs one more word", "perdure help repo"},
          Case{{"verify"}, "no command \"verify\"", "perdure backup verify"},
          Case{{"snapshots"}, "no command \"snapshots\"", "perdure backup list"},
          Case{{"prune"}, "no command \"prune\"", "perdure repo compact"},
          Case{{"--jsn"}, "no option \"--jsn\"", "did you mean --json"},
          Case{{"--quiet", "--frob"}, "no option \"--frob\"", "perdure help"},
          Case{{"backup", "--dry-rnu"}, "no option \"--dry-rnu\"", "--dry-run"},
          Case{{"backup", "--type"}, "--type needs a value", "help backup"},
          Case{{"backup", "--type", "ful"}, "\"ful\" is none of", "full"},
          Case{{"runs", "list", "--max", "x"}, "is not a whole number", "help runs list"},
          Case{{"status", "x"}, "one word too many", "perdure status"},
          Case{{"restore"}, "needs SNAPSHOT", "perdure restore SNAPSHOT"},
          Case{{"restore", "latest", "--to", "--quiet"}, "--quiet is an option", "help restore"},
          Case{{"restore", "latest", "--at", ""}, "--at needs a value", "help restore"},
          Case{{"backup", "verify", ""}, "one argument is empty", "help backup verify"},
          Case{{"backup", "--dry-run=yes"}, "takes no value", ""}}) {
        auto const parsed = parse_arguments(wrong.argv);
        ASSERT_FALSE(parsed) << wrong.argv.back();
        EXPECT_THAT(parsed.error().message(), HasSubstr(wrong.message));
        EXPECT_THAT(parsed.error().fix(), HasSubstr(wrong.fix));
        EXPECT_EQ(service::exit_code_of(parsed.error()), service::exit_code::usage);
    }
}

TEST(Arguments, HelpIsFoundWhereverItIsAskedFor) {
    for (auto const& argv : std::vector<std::vector<std::string>>{
             {}, {"help"}, {"--help"}, {"backup", "--help"}, {"backup", "-h"}, {"help", "repo"}}) {
        auto const parsed = parse_arguments(argv);
        ASSERT_TRUE(parsed);
        EXPECT_TRUE(parsed->help);
        EXPECT_TRUE(help_text(parsed->topic, {}));
    }
    EXPECT_FALSE(help_text({"nonsense"}, {}));
}

void check_example(CommandRow const& row, std::string const& example) {
    std::vector<std::string> argv;
    bool quoted = false;
    for (auto const& word : service::split_words(example, ' ')) {
        if (word == ">" || word == "|") break;
        if (!quoted) argv.push_back(word);
        if (word.starts_with('"') || word.ends_with('"')) {
            quoted = word.starts_with('"') && !word.ends_with('"');
        }
    }
    argv.erase(argv.begin());
    auto const parsed = parse_arguments(argv);
    ASSERT_TRUE(parsed) << example << ": " << parsed.error().message();
    EXPECT_TRUE(parsed->command->words == row.words ||
                std::string(row.words).starts_with("backup "))
        << example;
}

TEST(CommandTable, EveryRowIsCompleteAndItsExampleParses) {
    std::set<std::string_view> words;
    for (auto const& row : commands()) {
        EXPECT_TRUE(words.insert(row.words).second) << row.words << " stands twice";
        EXPECT_NE(row.run, nullptr);
        EXPECT_TRUE(row.summary.ends_with('.')) << row.words;
        ASSERT_FALSE(row.example.empty()) << row.words;
        for (auto const& example : service::split_words(row.example, '\n')) {
            check_example(row, example);
        }
        for (auto const& option : row.options) {
            bool const takes = option.kind != OptionRow::Kind::flag;
            EXPECT_EQ(takes, !option.value.empty()) << row.words << " " << option.name;
            EXPECT_FALSE(option.help.empty());
        }
    }
}

TEST(CommandTable, TheOverviewNamesEveryCommand) {
    auto const overview = help_text({}, {});
    ASSERT_TRUE(overview);
    for (auto const& row : commands()) {
        EXPECT_THAT(*overview, HasSubstr("  " + std::string(row.words)));
    }
}

TEST(Json, TextIsEscapedAndBytesThatAreNoUtf8AreReplaced) {
    EXPECT_EQ(json_text("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\u000a\\u0001\"");
    EXPECT_EQ(json_text("ä€😀"), "\"ä€😀\"");
    EXPECT_EQ(json_text("a\xff\xc0\x80z"), "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
    EXPECT_EQ(json_text("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    EXPECT_TRUE(is_utf8("grün"));
    EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));
    EXPECT_FALSE(is_utf8("\xe2\x82"));
}

TEST(Json, APathThatIsNoUtf8ComesAsBase64Too) {
    JsonObject object;
    object.put_path("path", "a\xff").put_path("other", "b").put("n", 3).put("t", true);
    EXPECT_EQ(
        object.text(),
        "{\"path\":\"a\xef\xbf\xbd\",\"path_b64\":\"Yf8=\",\"other\":\"b\",\"n\":3,\"t\":true}");
}

TEST(Json, AKeyStandsOnceWithItsLastValue) {
    JsonObject first, second;
    first.put("passed", false).put("blobs", 3);
    second.put("passed", true).put("report", "x");
    EXPECT_EQ(first.merge(second).text(), "{\"passed\":true,\"blobs\":3,\"report\":\"x\"}");
}

TEST(Json, NumbersWithoutAValueAreNull) {
    EXPECT_EQ(json_number(1.5), "1.500");
    EXPECT_EQ(json_number(0.0 / 0.0), "null");
    EXPECT_EQ(json_number(1e300 * 1e300), "null");
}

TEST(ErrorText, TheFirstLineIsTheHeadlineAndTheRestTheWhy) {
    auto const error =
        fail(Fault::unavailable, "destination refused\nthe clock is off").with_code(13);
    auto const text = explain(error);
    EXPECT_EQ(text.code, "PD-0013");
    EXPECT_EQ(text.headline, "destination refused");
    EXPECT_EQ(text.why, "the clock is off");
    EXPECT_EQ(text.fix, "perdure destination test");
}

TEST(ErrorText, ContextBecomesTheHeadline) {
    auto const text = explain(fail(Fault::corrupt, "tag differs").within("reading pack 3f"));
    EXPECT_EQ(text.headline, "reading pack 3f");
    EXPECT_EQ(text.why, "tag differs");
    EXPECT_EQ(text.code, "PD-0014");
}

TEST(ErrorText, WhatTwoFloorsSaidIsToldOnceAndAFullDiskByItsName) {
    auto const twice =
        explain(fail(Fault::corrupt, "tag differs").within("pack 3").within("pack 3"));
    EXPECT_EQ(twice.headline, "pack 3");
    EXPECT_EQ(twice.why, "tag differs");
    auto const full = explain(
        fail(Fault::exhausted, "write /mnt/x: No space left on device").within("writing pack 3"));
    EXPECT_EQ(full.headline, "no space is left");
    EXPECT_EQ(full.why, "writing pack 3: write /mnt/x: No space left on device");
    EXPECT_THAT(full.fix, HasSubstr("make room"));
    EXPECT_THAT(explain(fail(Fault::denied, "open x: Permission denied")).fix,
                HasSubstr("permissions"));
}

TEST(ExitCode, EveryFaultAndEveryPublishedNumberHasOne) {
    using service::exit_code_of;
    EXPECT_EQ(exit_code_of(fail(Fault::invalid, "")), 2);
    EXPECT_EQ(exit_code_of(fail(Fault::not_found, "")), 1);
    EXPECT_EQ(exit_code_of(fail(Fault::unavailable, "")), 13);
    EXPECT_EQ(exit_code_of(fail(Fault::corrupt, "")), 14);
    EXPECT_EQ(exit_code_of(fail(Fault::conflict, "")), 15);
    EXPECT_EQ(exit_code_of(fail(Fault::cancelled, "")), 130);
    EXPECT_EQ(exit_code_of(fail(Fault::internal, "")), 1);
    for (int code : {1, 2, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 130, 143}) {
        EXPECT_EQ(exit_code_of(fail(Fault::internal, "").with_code(code)), code);
    }
    EXPECT_EQ(exit_code_of(fail(Fault::invalid, "").with_code(201)), 2);
    EXPECT_EQ(exit_code_of(fail(Fault::denied, "").with_code(203)), 12);
    EXPECT_EQ(exit_code_of(fail(Fault::corrupt, "").with_code(999)), 14);
}

TEST(Terminal, NumbersAreSpelledForPeople) {
    EXPECT_EQ(spell_bytes(0), "0 B");
    EXPECT_EQ(spell_bytes(999), "999 B");
    EXPECT_EQ(spell_bytes(999'999), "1.0 MB");
    EXPECT_EQ(spell_bytes(1'440'000'000), "1.4 GB");
    EXPECT_EQ(spell_count(1'234'567), "1,234,567");
    EXPECT_EQ(spell_count(12), "12");
    EXPECT_EQ(spell_seconds(0.004), "4 ms");
    EXPECT_EQ(spell_seconds(61), "1 min 1 s");
    EXPECT_EQ(plural(1, "person", "people"), "1 person");
    EXPECT_EQ(plural(2, "person", "people"), "2 people");
}

TEST(Terminal, AFilesNameCannotCommandTheTerminal) {
    EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a");
    EXPECT_EQ(printable("a\xc2\x9b\xe2\x80\xae\xff\xc3\xa9"),
              "a\\xc2\\x9b\\xe2\\x80\\xae\\xff\xc3\xa9");
    EXPECT_EQ(columns_of("\x1b[32mgrün\x1b[0m"), 4u);
    EXPECT_EQ(columns_of(shorten("/a/very/long/path/to/some/file", 12)), 12u);
    EXPECT_TRUE(shorten("/a/very/long/path/to/some/file", 12).ends_with("file"));
}

TEST(Terminal, WideSignsFillTwoColumnsAndMarksNone) {
    EXPECT_EQ(columns_of("日本語.txt"), 10u);
    EXPECT_EQ(columns_of("e\u0301"), 1u);
    EXPECT_EQ(columns_of("👍🏽"), 2u);
    EXPECT_EQ(columns_of("\xff\xfe"), 2u);
    EXPECT_EQ(cut("日本語", 5), "日本");
    EXPECT_EQ(cut("\x1b[2mabcdef\x1b[0m", 3), "\x1b[2mabc\x1b[0m");
    EXPECT_LE(columns_of(shorten("写真/二千二十四年/山の上の家.jpg", 15)), 15u);
    EXPECT_TRUE(shorten("写真/二千二十四年/山の上の家.jpg", 15).ends_with(".jpg"));
}

TEST(Help, FitsTheTerminal) {
    for (auto const& row : commands()) {
        auto const help = help_text(service::split_words(row.words, ' '), {}, 80);
        ASSERT_TRUE(help);
        for (auto const& line : service::split_words(*help, '\n')) {
            bool const words = line.starts_with("  ") || line.starts_with("Every");
            // Lists of choices and examples are for copying, whatever their length.
            if (!words || line.contains('|') || line.contains("perdure ")) continue;
            EXPECT_LE(columns_of(line), 80u) << line;
        }
    }
    EXPECT_THAT(*help_text({}, {}, 80), HasSubstr("\n                                    "));
    EXPECT_TRUE(help_text({}, {}, 10)) << "too narrow to wrap is no reason to fail";
}

TEST(Signals, EndAtOnceAndNotAtTheNextTurn) {
    // The thread once slept in turns of 50 ms, and every command with it. The quickest of many, for
    // a busy machine.
    using namespace std::chrono;
    auto quickest = steady_clock::duration::max();
    for (int i = 0; i < 200 && quickest > 10ms; ++i) {
        auto const began = steady_clock::now();
        {
            Signals const signals({});
        }
        quickest = std::min(quickest, steady_clock::now() - began);
    }
    EXPECT_LT(quickest, 45ms);
}

TEST(Completion, EveryCommandIsOfferedByEveryShell) {
    for (char const* shell : {"bash", "zsh", "fish"}) {
        auto const script = completion_script(shell);
        ASSERT_TRUE(script);
        for (auto const& row : commands()) {
            auto const last = service::split_words(row.words, ' ').back();
            EXPECT_THAT(*script, HasSubstr(last)) << shell;
        }
    }
}

}  // namespace
}  // namespace perdure::face
