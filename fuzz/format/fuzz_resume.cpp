// What a killed export left, damaged: the state of a writer, of a container, of the folder it wrote
// to. Going on fails or ends; from an undamaged state it makes the bytes of an uninterrupted run.
#include <array>

#include "format/container/container.h"
#include "format/disk_tree.h"
#include "format/format.h"
#include "format/testing/memory_tree.h"
#include "fuzz/input.h"

namespace {

using namespace perdure;
using namespace perdure::format;

class NoMedia : public MediaLibrary {
public:
    Result<MediaFile> open(data::MediaRef const&, std::stop_token) override {
        return fail(Fault::not_found, "none");
    }
    Result<Preview> preview(data::MediaRef const&, unsigned, std::stop_token) override {
        return fail(Fault::not_found, "none");
    }
};

ExportInfo info() {
    ExportInfo made{.title = "App", .source = "app", .as_of = {1764100000, 0}};
    made.types = {{.type = "memory", .table = "m", .columns = {"id", "title"}},
                  {.type = "plant", .table = "p", .columns = {"id", "title"}}};
    return made;
}

Result<void> add(RecordWriter& writer, int number) {
    NoMedia media;
    data::Record record{.type = "memory", .table = "m", .id = std::to_string(number)};
    record.title = "One & only";
    record.body = "line\nline";
    record.body_format = "markdown";
    record.collection = "Alps";
    record.project = "p";
    record.created = Timestamp{1'764'000'000 + number, 0};
    record.tags = {"a", "b"};
    record.fields = {{"id", std::int64_t{number}}, {"title", record.title}};
    return writer.add(record, media, {});
}

/// One format, halfway.
struct Halfway {
    FormatKind const* kind = nullptr;
    Bytes state;
    testing::MemoryFiles files;
    std::map<std::string, std::string> finished;  ///< by the uninterrupted run
};

Result<Halfway> halfway(FormatKind const& kind) {
    Halfway made{.kind = &kind};
    testing::MemoryTree tree;
    auto const writer = kind.open(tree);
    PD_CHECK(writer->begin(info()));
    for (int i = 1; i < 4; ++i) PD_CHECK(add(*writer, i));
    PD_TRY(auto state, writer->checkpoint());
    if (!state) return fail(Fault::unsupported, "it starts again");
    made.state = std::move(*state);
    made.files = tree.held();
    PD_CHECK(add(*writer, 4));
    PD_CHECK(writer->finish({}));
    made.finished = tree.held().files;
    return made;
}

std::vector<Halfway> const& all() {
    static auto const made = [] {
        std::vector<Halfway> found;
        for (auto const& kind : format_kinds()) {
            auto one = halfway(kind);
            if (one) found.push_back(std::move(*one));
        }
        PD_ASSERT(found.size() >= 8);
        return found;
    }();
    return made;
}

void go_on(Halfway const& from, ByteView state) {
    bool const same = std::ranges::equal(state, from.state);
    testing::MemoryTree tree(from.files);
    auto const writer = from.kind->open(tree);
    auto done = writer->resume(info(), state);
    if (done) done = add(*writer, 4);
    bool const whole = done && writer->finish({}).has_value();
    if (same) PD_ASSERT(whole && tree.held().files == from.finished);
}

Result<void> container(bool zip, fuzz::Input input) {
    auto const begin = zip ? open_zip : open_tar_gz;
    auto const resume = zip ? resume_zip : resume_tar_gz;
    testing::MemoryTree base;
    PD_TRY(auto tree, begin(base, "x", {}));
    PD_TRY(auto file, tree->create("a/one.txt", {}));
    PD_CHECK(file->write(std::string_view("some text")));
    PD_TRY(auto const state, tree->checkpoint());
    testing::MemoryTree again(base.held());
    PD_TRY(auto resumed, resume(again, "x", {}, fuzz::damaged(state, input)));
    PD_TRY(auto open, resumed->reopen("a/one.txt"));
    PD_CHECK(open->write(std::string_view("more")));
    PD_CHECK(open->finish());
    return resumed->finish();
}

Result<void> folder(fuzz::Input input) {
    static auto const scratch = *system::ScratchFolder::create();
    auto const path = scratch.path() / "out";
    PD_CHECK(system::remove_tree(path));
    Bytes state;
    {
        PD_TRY(auto tree, open_folder(path));
        PD_TRY(auto file, tree->create("a.txt", {}));
        PD_CHECK(file->write(std::string_view("some text")));
        PD_TRY(auto spool, tree->spool("s"));
        PD_CHECK(spool->append(std::string_view("aside")));
        PD_TRY(state, tree->checkpoint());
    }
    auto const damaged = fuzz::damaged(state, input);
    bool const same = std::ranges::equal(damaged, state);
    PD_TRY(auto resumed, resume_folder(path, damaged));
    PD_TRY(auto file, resumed->reopen("a.txt"));
    PD_CHECK(file->write(std::string_view(", more")));
    PD_CHECK(file->finish());
    PD_CHECK(resumed->finish());
    auto const text = system::read_file(path / "a.txt", 1 << 20);
    PD_ASSERT(text && (!same || as_text(*text) == "some text, more"));
    // Nothing but the output stands beside it.
    for (auto const& entry : std::filesystem::directory_iterator(scratch.path())) {
        PD_ASSERT(entry.path().filename() == "out" ||
                  entry.path().filename() == ".out.perdure-work");
    }
    return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto const kind = input.byte() % (all().size() + 3);
    if (kind < all().size()) {
        go_on(all()[kind], fuzz::damaged(all()[kind].state, input));
    } else if (kind == all().size()) {
        static_cast<void>(folder(input));
    } else {
        static_cast<void>(container(kind == all().size() + 1, input));
    }
    return 0;
}
