// Memory and time of backing up very many small files, without the files: a reader that makes up
// folders of a thousand files of thirty different bytes each, the real repository in a folder.
//   many_files_bench FOLDER COUNT
// The first run makes the repository and backs up; later runs are incremental, nothing changed.
// A restore to nowhere follows with a third word: many_files_bench FOLDER COUNT restore
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "repository/repository.h"
#include "store/local/local_store.h"
#include "system/file.h"

namespace {
using namespace perdure;

constexpr std::uint64_t files_a_folder = 1000;

template <typename T>
T must(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.error().message().c_str());
        std::exit(1);
    }
    return std::move(*result);
}
void must(Result<void> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.error().message().c_str());
        std::exit(1);
    }
}

std::string numbered(char const* prefix, std::uint64_t number) {
    char name[40];
    std::snprintf(name, sizeof name, "%s%09llu", prefix, static_cast<unsigned long long>(number));
    return name;
}

data::Entry entry_of(std::string name, data::EntryKind kind, std::uint64_t inode) {
    data::Entry entry;
    entry.name = std::move(name);
    entry.kind = kind;
    entry.mode = 0644;
    entry.inode = inode + 1;
    entry.device = 1;
    entry.modified = entry.changed = {1'700'000'000, 1};
    return entry;
}

class MadeUp final : public data::ByteSource {
public:
    explicit MadeUp(data::Entry entry) : entry_(std::move(entry)) {}
    Result<std::size_t> read(ByteSpan into) override {
        std::string const text = numbered("the content of file ", entry_.inode) + "\n";
        std::size_t const count = std::min(into.size(), text.size() - at_);
        std::memcpy(into.data(), text.data() + at_, count);
        at_ += count;
        return count;
    }
    Result<data::Entry> entry_after_reading() override { return entry_; }

private:
    data::Entry entry_;
    std::size_t at_ = 0;
};

class MadeUpFile final : public data::Content {
public:
    explicit MadeUpFile(data::Entry entry) : entry_(std::move(entry)) {}
    Result<std::unique_ptr<data::ByteSource>> open(std::stop_token) override {
        return std::unique_ptr<data::ByteSource>(std::make_unique<MadeUp>(entry_));
    }

private:
    data::Entry entry_;
};

class MadeUpTree final : public data::TreeReader {
public:
    explicit MadeUpTree(std::uint64_t count) : count_(count) {}
    Result<std::optional<data::TreeItem>> next(std::stop_token) override {
        using Step = data::TreeItem::Step;
        auto const item = [](Step step, data::Entry entry, std::shared_ptr<data::Content> content) {
            return std::optional(data::TreeItem{step, std::move(entry), std::move(content)});
        };
        if (!begun_) {
            begun_ = true;
            return item(Step::enter, entry_of("", data::EntryKind::folder, 1ULL << 40), nullptr);
        }
        std::uint64_t const folder = at_ / files_a_folder;
        if (inside_ && (at_ == count_ || at_ % files_a_folder == 0) && !fresh_) {
            inside_ = false;
            data::Entry leave;
            leave.name = numbered("d", (at_ - 1) / files_a_folder);
            return item(Step::leave, leave, nullptr);
        }
        if (at_ == count_) {
            if (ended_) return std::optional<data::TreeItem>();
            ended_ = true;
            return item(Step::leave, {}, nullptr);
        }
        if (!inside_) {
            inside_ = fresh_ = true;
            auto const inode = (1ULL << 40) + 1 + folder;
            return item(Step::enter,
                        entry_of(numbered("d", folder), data::EntryKind::folder, inode), nullptr);
        }
        fresh_ = false;
        data::Entry entry = entry_of(numbered("f", at_), data::EntryKind::file, at_);
        entry.size = 30;
        ++at_;
        auto content = std::make_shared<MadeUpFile>(entry);
        return item(Step::leaf, std::move(entry), std::move(content));
    }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    std::uint64_t count_, at_ = 0;
    bool begun_ = false, inside_ = false, fresh_ = false, ended_ = false;
};

/// Takes a tree and forgets it.
class Nowhere final : public data::TreeTarget {
public:
    std::atomic<std::uint64_t> files = 0;
    Result<void> make_folder(std::string const&, data::Entry const&) override { return {}; }
    Result<void> write_file(std::string const&, data::Entry const&,
                            data::ByteSource& content) override {
        Bytes part(4096);
        while (true) {
            PD_TRY(std::size_t const count, content.read(part));
            if (count == 0) break;
        }
        ++files;
        return {};
    }
    Result<void> make_other(std::string const&, data::Entry const&) override { return {}; }
    Result<void> finish_folder(std::string const&, data::Entry const&) override { return {}; }
    std::vector<data::Problem> take_problems() override { return {}; }
};

void report(char const* what, std::chrono::steady_clock::time_point begin) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::chrono::duration<double> const wall = std::chrono::steady_clock::now() - begin;
    std::printf("%-12s %8.1f s wall %8.1f s cpu   peak %ld MiB\n", what, wall.count(),
                double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec), usage.ru_maxrss / 1024);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    std::uint64_t const count = std::strtoull(argv[2], nullptr, 10);
    system::Path const folder = argv[1];
    auto const begin = std::chrono::steady_clock::now();
    auto const store = must(store::open_local({.root = folder / "store", .create = true}));
    repository::KeySecret const key{
        repository::KeySecret::Kind::key_file,
        crypto::SecretBytes(to_bytes("0123456789abcdef0123456789abcdef"))};
    repository::Outside const outside{system::real_clock(), system::real_random()};
    if (!system::exists(folder / "store/config")) {
        must(repository::Repository::create(store, key, {}, outside, {}));
    }
    auto const opened = must(repository::Repository::open(
        store, key, {.cache_folder = folder / "cache", .threads = 2}, outside, {}));
    auto const before = must(opened->snapshots(nullptr, {}));
    if (argc > 3) {
        Nowhere target;
        auto context = opened->read_context();
        must(repository::restore_tree(before.back().sources.at(0), {}, target, context, {}));
        std::printf("%llu files came back, %zu problems\n",
                    static_cast<unsigned long long>(target.files), context.problems.size());
        report("restore", begin);
        return 0;
    }
    auto const session = must(opened->begin({}));
    MadeUpTree tree(count);
    auto source = must(repository::write_tree(
        tree, before.empty() ? nullptr : &before.back().sources.at(0), session->context(), {}));
    source.name = "many";
    repository::Snapshot snapshot;
    snapshot.sources = {std::move(source)};
    auto const done = must(session->commit(std::move(snapshot), {}));
    std::printf("%llu items, %llu unchanged\n",
                static_cast<unsigned long long>(done.sources.at(0).items),
                static_cast<unsigned long long>(done.sources.at(0).items_unchanged));
    report(before.empty() ? "first" : "unchanged", begin);
}
