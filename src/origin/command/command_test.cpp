#include "origin/tree_testing.h"

namespace perdure::origin {
namespace {

SourceOptions command_source(std::vector<std::string> argv) {
    SourceOptions source;
    source.name = "dump";
    source.type = "command";
    source.command = std::move(argv);
    source.output_name = "dump.sql";
    return source;
}

TEST(CommandOrigin, OffersTheOutputAsOneFile) {
    auto const listed = list_source(command_source({"sh", "-c", "seq 1 200000"}));
    ASSERT_TRUE(listed) << listed.error().message();
    ASSERT_EQ(listed->items.size(), 2u);
    auto const text = read_all(*listed->items.at("dump.sql").content);
    ASSERT_TRUE(text);
    EXPECT_EQ(text->substr(0, 6), "1\n2\n3\n");
    EXPECT_EQ(text->size(), 1288895u);
}

TEST(CommandOrigin, FailsTheReadWhenTheCommandFailsHoweverMuchItWrote) {
    for (std::string const script :
         {"exit 3", "echo some; exit 3", "seq 1 100000; echo broken >&2; exit 3"}) {
        auto reader = (*open_origin(command_source({"sh", "-c", script})))->open_tree({});
        ASSERT_TRUE((*reader)->next({}));
        auto item = (*reader)->next({});
        auto const text = read_all(*(*item)->content);
        ASSERT_FALSE(text) << script;
        EXPECT_EQ(text.error().fault(), Fault::unavailable);
        EXPECT_NE(text.error().message().find("status 3"), std::string::npos);
        EXPECT_EQ(text.error().message().find("broken") != std::string::npos,
                  script.find("broken") != std::string::npos);
        EXPECT_FALSE((*reader)->next({}));  // and the tree does not end well either
        EXPECT_FALSE((*reader)->next({}));
    }
}

TEST(CommandOrigin, IsNotTakenForAFileThatChangesWhileItIsRead) {
    auto const listed = list_source(command_source({"echo", "x"}));
    data::TreeItem const& item = listed->items.at("dump.sql");
    auto source = item.content->open({});
    Bytes buffer(10);
    ASSERT_EQ(*(*source)->read(buffer), 2u);
    EXPECT_TRUE(data::looks_unchanged(item.entry, *(*source)->entry_after_reading()));
}

TEST(CommandOrigin, TellsTheSignalThatEndedTheCommand) {
    auto const listed = list_source(command_source({"sh", "-c", "kill -9 $$"}));
    auto const text = read_all(*listed->items.at("dump.sql").content);
    ASSERT_FALSE(text);
    EXPECT_NE(text.error().message().find("signal 9"), std::string::npos);
}

TEST(CommandOrigin, FindsTheProgramBeforeItIsNeeded) {
    EXPECT_TRUE((*open_origin(command_source({"sh"})))->test({}));
    auto const absent = (*open_origin(command_source({"no-such-program-here"})))->test({});
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().fault(), Fault::not_found);
    EXPECT_FALSE((*open_origin(command_source({"/no/such/program"})))->test({}));
    EXPECT_EQ(open_origin(command_source({})).error().fault(), Fault::invalid);
    SourceOptions evil = command_source({"sh"});
    evil.output_name = "../x";
    EXPECT_FALSE(open_origin(evil));
}

TEST(CommandOrigin, EndsTheProgramWhenNobodyReadsOn) {
    auto const listed = list_source(command_source({"yes"}));
    {
        auto source = listed->items.at("dump.sql").content->open({});
        Bytes buffer(1000);
        ASSERT_TRUE((*source)->read(buffer));
    }  // must not hang
    std::stop_source stop;
    auto source = listed->items.at("dump.sql").content->open(stop.get_token());
    stop.request_stop();
    Bytes buffer(1 << 20);
    Result<std::size_t> got;
    do got = (*source)->read(buffer);
    while (got && *got > 0);
    EXPECT_FALSE(got);
}

TEST(CommandOrigin, IsPutBackAsItsFile) {
    auto const scratch = system::ScratchFolder::create();
    auto const source = command_source({"echo", "hello"});
    auto const copied = copy_tree(source, {.folder = scratch->path() / "to", .durable = false});
    ASSERT_TRUE(copied) << copied.error().message();
    EXPECT_EQ(get(scratch->path() / "to" / "dump.sql"), "hello\n");
    SourceOptions const there = relocated(source, scratch->path() / "to");
    EXPECT_TRUE((*open_origin(there))->digest({}));
    EXPECT_EQ((*open_origin(source))->digest({}).error().fault(), Fault::unsupported);
}

}  // namespace
}  // namespace perdure::origin
