#include "demo/odd_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "demo/app.h"
#include "demo/language.h"
#include "system/step.h"

namespace perdure::demo {
namespace {

using system::Step;

Result<void> done(std::error_code const& error, system::Path const& path) {
    if (!error) return {};
    return system::error_from_errno(error.value(), "make " + path.native());
}

Result<void> make_links(system::Path const& home) {
    std::error_code error;
    system::Path const first = home / "invoices" / "2025.txt";
    PD_CHECK(system::step(Step::link, first.native()));
    std::filesystem::create_hard_link(first, home / "copy of 2025.txt", error);
    PD_CHECK(done(error, home));
    std::filesystem::create_hard_link(first, home / "invoices" / "latest.txt", error);
    PD_CHECK(done(error, home));
    struct Link {
        std::string_view name, target;
    };
    constexpr Link links[] = {{"notes", "documents/notes"},
                              {"broken", "/nowhere/at all"},
                              {"circle", "circle"},
                              {"up", "../../etc/nginx"}};
    for (Link const& link : links) {
        PD_CHECK(system::step(Step::create, link.name));
        std::filesystem::create_symlink(link.target, home / link.name, error);
        PD_CHECK(done(error, home / link.name));
    }
    return {};
}

Result<void> make_sparse(system::Path const& path) {
    PD_TRY(system::File file, system::File::create(path, 0644));
    PD_CHECK(file.write_at(as_bytes("a beginning"), 0));
    PD_CHECK(file.write_at(as_bytes("in the middle"), 5 << 20));
    PD_CHECK(file.write_at(as_bytes("the end"), (16 << 20) - 7));
    return file.close();
}

/// An access list by hand (Linux's posix_acl_xattr, version 2): user 1 may read and write.
std::string access_list() {
    struct Line {
        std::uint16_t tag, permissions;
        std::uint32_t id;
    };
    constexpr Line lines[] = {{0x01, 6, 0xffffffff},
                              {0x02, 6, 1},
                              {0x04, 4, 0xffffffff},
                              {0x10, 6, 0xffffffff},
                              {0x20, 4, 0xffffffff}};
    std::string list("\x02\0\0\0", 4);
    for (Line const& line : lines) list.append(reinterpret_cast<char const*>(&line), sizeof line);
    return list;
}

Result<void> make_attributes(system::Path const& path) {
    PD_CHECK(system::step(Step::set_metadata, path.native()));
    std::string const list = access_list();
    (void)::setxattr(path.c_str(), "user.xdg.origin.url", "https://example.org/", 20, 0);
    (void)::setxattr(path.c_str(), "user.binary", "\0\xff", 2, 0);
    (void)::setxattr(path.c_str(), "system.posix_acl_access", list.data(), list.size(), 0);
    return {};
}

}  // namespace

Result<void> make_odd_files(system::Path const& server, OddFileOptions const& options) {
    Dice dice(options.seed, "odd files");
    system::Path const home = server / "home" / "anna";
    std::string const names[] = {"documents/notes/öffentlich.md",
                                 "documents/notes/日本語.md",
                                 "documents/notes/مرحبا.md",
                                 "documents/notes/🌱 plan.md",
                                 "documents/latin1-caf\xe9.txt",
                                 "documents/broken-\xff\xfe.txt",
                                 "documents/two\nlines.txt",
                                 "documents/tab\tquote\"'\\.txt",
                                 "documents/-rf",
                                 "documents/ leading and trailing ",
                                 "documents/" + std::string(251, 'x') + ".txt",
                                 "documents/n\u0303 and \u00f1.txt",
                                 "documents/CON.txt",
                                 "documents/empty",
                                 "invoices/2025.txt"};
    for (std::string const& name : names) {
        std::string const text =
            name.ends_with("empty") ? "" : make_markdown(dice, pick_language(dice));
        auto const made = make_file(home / name, text, {0644, time_before(dice, options.now, 900)});
        // Some file systems refuse bytes that are no UTF-8; there a sample cannot have them.
        if (!made && made.error().fault() != Fault::invalid) return made;
    }
    PD_CHECK(make_links(home));
    PD_CHECK(make_sparse(home / "disk image.raw"));
    PD_CHECK(make_attributes(home / "documents" / "empty"));
    PD_CHECK(system::make_folders(home / "empty folder", 0750));
    PD_CHECK(system::make_folders(server / "run", 0755));
    PD_CHECK(system::step(Step::create, "memories.fifo"));
    if (::mkfifo((server / "run" / "memories.fifo").c_str(), 0620) != 0 && errno != EPERM)
        return system::error_from_errno(errno, "make a FIFO");
    return {};
}

}  // namespace perdure::demo
