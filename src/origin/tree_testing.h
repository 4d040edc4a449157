#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "data/bytes/memory_content.h"
#include "origin/origin.h"

// What the tests of tree origins share: reading a whole tree, copying one through a target.

namespace perdure::origin {

inline void put(system::Path const& path, std::string_view text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

inline std::string get(system::Path const& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline int shell(std::string const& command) {
    return std::system(command.c_str());
}

inline std::string output_of(std::string const& command) {
    std::string text;
    FILE* const pipe = ::popen(command.c_str(), "r");
    char buffer[4096];
    for (std::size_t got = 0; (got = ::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
        text.append(buffer, got);
    ::pclose(pipe);
    return text;
}

inline SourceOptions files_source(system::Path const& path) {
    SourceOptions source;
    source.name = "tree";
    source.type = "files";
    source.path = path;
    return source;
}

struct Listed {
    std::vector<std::string> order;               ///< "+path", "path", "-path"
    std::map<std::string, data::TreeItem> items;  ///< by path
    std::vector<data::Problem> problems;
};

inline Result<Listed> list_all(data::TreeReader& reader) {
    Listed listed;
    std::vector<std::string> folders;
    auto const below = [&](std::string const& name) {
        return folders.empty() || folders.back().empty() ? name : folders.back() + "/" + name;
    };
    for (;;) {
        PD_TRY(auto item, reader.next({}));
        if (!item) break;
        std::string path;
        switch (item->step) {
            case data::TreeItem::Step::enter:
                folders.push_back(path = below(item->entry.name));
                listed.order.push_back("+" + path);
                break;
            case data::TreeItem::Step::leave:
                path = folders.back();
                folders.pop_back();
                listed.order.push_back("-" + path);
                continue;
            case data::TreeItem::Step::leaf:
                listed.order.push_back(path = below(item->entry.name));
        }
        listed.items.emplace(path, std::move(*item));
    }
    listed.problems = reader.take_problems();
    return listed;
}

inline Result<Listed> list_source(SourceOptions const& source) {
    PD_TRY(auto opened, open_origin(source));
    PD_TRY(auto reader, opened->open_tree({}));
    return list_all(*reader);
}

inline Result<std::string> read_all(data::Content& content) {
    PD_TRY(auto source, content.open({}));
    std::string text;
    Bytes buffer(70000);
    for (;;) {
        PD_TRY(std::size_t const got, source->read(buffer));
        if (got == 0) return text;
        text += as_text(ByteView(buffer).first(got));
    }
}

/// Backs up nothing: straight from the reader into the target, in the order that a restore uses.
inline Result<std::vector<data::Problem>> copy_tree(SourceOptions const& from,
                                                    TargetOptions const& to) {
    PD_TRY(Listed listed, list_source(from));
    PD_TRY(auto target, open_tree_target(from, to));
    for (auto const& [path, item] : listed.items)
        if (item.step == data::TreeItem::Step::enter)
            PD_CHECK(target->make_folder(path, item.entry));
    for (auto const& [path, item] : listed.items) {
        if (!item.content || !item.entry.same_as.empty()) continue;
        PD_TRY(auto content, item.content->open({}));
        PD_CHECK(target->write_file(path, item.entry, *content));
    }
    for (auto const& [path, item] : listed.items) {
        bool const further = !item.entry.same_as.empty();
        if (item.step == data::TreeItem::Step::leaf && (further || !item.content))
            PD_CHECK(target->make_other(path, item.entry));
    }
    for (auto at = listed.items.rbegin(); at != listed.items.rend(); ++at)
        if (at->second.step == data::TreeItem::Step::enter)
            PD_CHECK(target->finish_folder(at->first, at->second.entry));
    return target->take_problems();
}

inline data::Entry given_entry(std::string name, data::EntryKind kind = data::EntryKind::file) {
    data::Entry entry;
    entry.name = std::move(name);
    entry.kind = kind;
    entry.mode = kind == data::EntryKind::folder ? 0755 : 0644;
    entry.uid = ::geteuid();
    entry.gid = ::getegid();
    entry.modified = {1700000000, 123456789};
    return entry;
}

}  // namespace perdure::origin
