#include "format/template/template_writer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <kainjow/mustache.hpp>
#include <random>

#include "format/template/parse.h"
#include "format/template/render.h"
#include "format/testing/memory_tree.h"

namespace perdure::format {
namespace {

class NoMedia : public MediaLibrary {
public:
    Result<MediaFile> open(data::MediaRef const&, std::stop_token) override {
        return fail(Fault::not_found, "none");
    }
    Result<Preview> preview(data::MediaRef const&, unsigned, std::stop_token) override {
        return fail(Fault::not_found, "none");
    }
};

ExportInfo info_of(std::string text, std::string name) {
    ExportInfo info;
    info.title = "A <b>";
    info.source = "app";
    info.as_of = {1764100000, 0};
    info.types = {{.type = "memory", .table = "m", .columns = {"id", "title", "mood"}},
                  {.type = "plant", .table = "p", .columns = {"id", "title", "mood"}}};
    info.options = {{"template", std::move(text)}, {"template_name", std::move(name)}};
    return info;
}

/// What the template makes of two memories and no plant.
Result<std::string> made_of(std::string text, std::string name = "x.txt",
                            std::vector<std::string> tags = {"a", "b"}) {
    testing::MemoryTree tree;
    auto writer = open_template(tree);
    PD_CHECK(writer->begin(info_of(std::move(text), std::move(name))));
    NoMedia media;
    for (auto const* title : {"One & \"1\"", "{{body}}"}) {
        data::Record record;
        record.type = "memory";
        record.id = "7";
        record.title = title;
        record.body = "line\nline";
        record.tags = tags;
        record.fields = {
            {"id", std::int64_t{7}}, {"title", std::string_view(title)}, {"mood", data::Null{}}};
        PD_CHECK(writer->add(record, media, {}));
    }
    PD_CHECK(writer->finish({}));
    return tree.held().files.begin()->second;
}

std::string fault_of(std::string text, std::string name = "x.txt") {
    auto const made = made_of(std::move(text), std::move(name));
    return made ? "none" : made.error().message() + "|" + made.error().fix();
}

TEST(Template, StreamsRecordsBetweenHeaderAndFooter) {
    EXPECT_EQ(made_of("<{{export.title}}>\n{{#records}}\n{{number}} {{title}}\n{{/records}}\n"
                      "{{count}}\n"),
              "<A <b>>\n1 One & \"1\"\n2 {{body}}\n2\n");
}

TEST(Template, NeverReadsARecordAsATemplate) {
    EXPECT_EQ(made_of("{{#records}}{{{title}}}|{{/records}}"), "One & \"1\"|{{body}}|");
}

TEST(Template, GoesTypeByTypeAndNamesThoseWithoutRecords) {
    EXPECT_EQ(made_of("{{#types}}[{{name}}:{{#columns}}{{name}}{{^last}},{{/last}}{{/columns}}]"
                      "{{#records}}r{{/records}};{{/types}}"),
              "[memory:id,title,mood]rr;[plant:id,title,mood];");
}

TEST(Template, EscapesByWhatItsFileIsCalled) {
    EXPECT_EQ(made_of("{{#records}}{{title}};{{/records}}", "x.html"),
              "One &amp; &quot;1&quot;;{{body}};");
    EXPECT_EQ(made_of("{{#records}}{{title}}\n{{/records}}", "x.csv.mustache"),
              "\"One & \"\"1\"\"\"\n{{body}}\n");
    EXPECT_EQ(made_of("{{#records}}\"{{body}}\"{{/records}}", "x.json"),
              "\"line\\nline\"\"line\\nline\"");
    EXPECT_EQ(made_of("{{! perdure: escape=latex extension=tex }}\n{{#records}}{{title}};"
                      "{{/records}}"),
              "One \\& \"1\";\\{\\{body\\}\\};");
}

TEST(Template, TellsNothingFromEmpty) {
    EXPECT_EQ(made_of("{{#records}}{{^mood}}none{{/mood}}{{#project}}p{{/project}}{{/records}}"),
              "nonenone");
}

TEST(Template, NamesTheLineAndTheNearestName) {
    EXPECT_EQ(fault_of("\n{{#records}}\n{{titel}}{{/records}}"),
              "line 3 of the template: \"titel\" is neither a field of a record nor a column|did "
              "you mean \"title\"?");
    EXPECT_TRUE(fault_of("a\n{{> /etc/passwd}}").starts_with("line 2 of the template: {{>/etc"));
    EXPECT_TRUE(fault_of("{{=<% %>=}}<%> x%>").contains("cannot load others"));
    EXPECT_TRUE(fault_of("{{#records}}").contains("never closed"));
    EXPECT_TRUE(fault_of("{{#records}}{{/types}}").contains("closes what is not open"));
    EXPECT_TRUE(fault_of("{{#records}}{{title").contains("not closed"));
    EXPECT_TRUE(fault_of("text").contains("has no {{#records}}"));
    EXPECT_TRUE(fault_of("{{#records}}{{/records}}{{#records}}{{/records}}").contains("second"));
    EXPECT_TRUE(fault_of("{{#records}}{{#records}}{{/records}}{{/records}}").contains("pass once"));
    EXPECT_TRUE(fault_of("").contains("no template was named"));
    EXPECT_TRUE(fault_of(std::string("{{#records}}\0{{/records}}", 25)).contains("UTF-8 text"));
    EXPECT_TRUE(fault_of(std::string(2 << 20, 'x')).contains("1 MiB"));
}

TEST(Template, StopsWhatMultipliesItself) {
    std::string deep, bomb = "x";
    for (int i = 0; i < 100'000; ++i) deep += "{{#tags}}";
    EXPECT_TRUE(fault_of("{{#records}}" + deep).contains("32 deep"));
    for (int i = 0; i < 8; ++i) bomb = "{{#tags}}" + bomb + "{{/tags}}";
    auto const made = made_of("{{#records}}" + bomb + "{{/records}}", "x.txt",
                              std::vector<std::string>(1000, "tag"));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().fault(), Fault::exhausted);
    auto const wide =
        made_of("{{#records}}{{#tags}}" + std::string(1 << 19, 'x') + "{{/tags}}{{/records}}",
                "x.txt", std::vector<std::string>(1000, "tag"));
    ASSERT_FALSE(wide);
    EXPECT_EQ(wide.error().fault(), Fault::exhausted);
}

TEST(Template, EveryBuiltinIsValid) {
    for (auto const& each : builtin_templates()) {
        auto const facts = check_template(each.text, each.name, {});
        ASSERT_TRUE(facts) << each.name << ": " << facts.error().message();
        EXPECT_FALSE(facts->description.empty());
        EXPECT_TRUE(made_of(std::string(each.text), std::string(each.name))) << each.name;
    }
}

std::string without_blanks(std::string text) {
    std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
    return text;
}

/// Random templates of well-formed tags, against an implementation of mustache that we did not
/// write (without {{.}}, which it resets inside of {{^…}}).
TEST(Template, RendersAsAnotherMustacheDoes) {
    std::mt19937 random(7);
    auto const pick = [&](std::vector<std::string> const& of) { return of[random() % of.size()]; };
    auto const grow = [&](auto const& self, unsigned depth) -> std::string {
        std::string text;
        for (unsigned i = 0; i < 1 + random() % 5; ++i) {
            switch (random() % (depth > 3 ? 3u : 6u)) {
                case 0:
                    text += pick({"text ", "\n", "  ", "& <", "\n\n", "{ }"});
                    break;
                case 1:
                    text +=
                        pick({"{{title}}", "{{{title}}}", "{{& title }}", "{{o.x}}", "{{gone}}"});
                    break;
                case 2:
                    text += pick({"{{! note }}", "\n  {{! alone }}  \n", "{{o.x}}"});
                    break;
                default: {
                    auto const name = pick({"list", "none", "yes", "title", "o", "gone"});
                    auto const gap = pick({"", "\n", " "});
                    text += pick({"{{#", "{{^"}) + name + "}}" + gap + self(self, depth + 1) +
                            "{{/" + name + "}}" + gap;
                }
            }
        }
        return text;
    };
    using kainjow::mustache::data;
    data object, theirs, list{data::type::list};
    object.set("x", "inner");
    for (auto const* item : {"i1", "i2"}) list.push_back(data(item));
    theirs.set("title", "T&<");
    theirs.set("yes", true);
    theirs.set("o", object);
    theirs.set("list", list);
    theirs.set("none", data{data::type::list});
    TemplateScope inner, ours;
    inner["x"] = std::string("inner");
    ours["title"] = std::string("T&<");
    ours["yes"] = true;
    ours["o"] = inner;
    ours["list"] = TemplateList{std::string("i1"), std::string("i2")};
    ours["none"] = TemplateList{};
    for (int i = 0; i < 3000; ++i) {
        auto const text = grow(grow, 0) + "\n";
        auto const made = parse_template("{{#records}}" + text + "{{/records}}", "x.html");
        ASSERT_TRUE(made) << text << made.error().message();
        std::string rendered;
        ASSERT_TRUE(TemplateRenderer(Escape::html, {}).render(rendered, made->record, {&ours}));
        kainjow::mustache::mustache other(text);
        ASSERT_TRUE(other.is_valid()) << text;
        // It drops every line of tags that comes out blank; the specification only those with one
        // tag.
        EXPECT_EQ(without_blanks(rendered), without_blanks(other.render(theirs))) << text;
    }
}

TEST(Template, OneLineOfManyTagsIsReadInNoTime) {
    std::string text;
    while (text.size() < (1 << 20) - 100) text += "{{!a}}";
    auto const began = std::chrono::steady_clock::now();
    ASSERT_TRUE(parse_template(text + "{{#records}}{{/records}}", "x.txt"));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST(Template, SectionsWithNothingInThemAreStepsToo) {
    std::string text = "{{#records}}";
    for (int i = 0; i < 1000; ++i) text += "{{#tags}}{{/tags}}";
    auto const made = parse_template(text + "{{/records}}", "x.txt");
    ASSERT_TRUE(made);
    TemplateScope const scope{{"tags", TemplateList(1000)}};
    std::string out;
    TemplateRenderer renderer(made->escape, {.bytes_max = 1 << 20, .steps_max = 100'000});
    auto const done = renderer.render(out, made->record, {&scope});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().fault(), Fault::exhausted);
}

}  // namespace
}  // namespace perdure::format
