#include "origin/server/packages.h"
#include "system/folder/list_folder.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace perdure::origin {

namespace {

constexpr std::uint64_t status_bytes_max = std::uint64_t{256} << 20;
constexpr std::uint64_t list_bytes_max = std::uint64_t{64} << 20;

/// Calls `each` with every line, without its end.
template <typename Each>
void each_line(std::string_view text, Each each) {
    while (!text.empty()) {
        auto const end = text.find('\n');
        each(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

/// "Package: nginx" → "nginx" where the line is that field.
bool take_field(std::string_view line, std::string_view name, std::string& value) {
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') {
        return false;
    }
    line.remove_prefix(name.size() + 1);
    while (line.starts_with(' ')) line.remove_prefix(1);
    value = line;
    return true;
}

/// " /etc/nginx/nginx.conf 5dd8… obsolete": nothing for what the package no longer brings.
void take_config(std::string_view line, std::string const& package, PackageFiles& into) {
    while (line.starts_with(' ')) line.remove_prefix(1);
    if (line.ends_with(" obsolete") || line.ends_with(" remove-on-upgrade")) return;
    auto const split = line.rfind(' ');
    if (split == std::string_view::npos || split == 0) return;
    auto const digest = line.substr(split + 1);
    if (digest.size() != 32 || !line.starts_with('/')) return;  // "newconffile": never installed
    into.configs[std::string(line.substr(0, split))] = {package, std::string(digest)};
}

}  // namespace

void read_status(std::string_view text, PackageFiles& into) {
    InstalledPackage package;
    std::string status;
    PackageFiles configs;
    bool in_configs = false;
    auto const close = [&] {
        if (!package.name.empty() && status.ends_with(" installed")) {
            into.packages.push_back(package);
            into.configs.merge(configs.configs);
        }
        package = {};
        status.clear();
        configs.configs.clear();
        in_configs = false;
    };
    each_line(text, [&](std::string_view line) {
        if (line.empty()) return close();
        if (line.front() == ' ') {
            if (in_configs) take_config(line, package.name, configs);
            return;
        }
        in_configs = line.starts_with("Conffiles:");
        if (take_field(line, "Package", package.name)) return;
        if (take_field(line, "Version", package.version)) return;
        if (take_field(line, "Architecture", package.architecture)) return;
        take_field(line, "Status", status);
    });
    close();
}

void read_extended_states(std::string_view text, PackageFiles& into) {
    std::string name, architecture, automatic;
    std::set<std::pair<std::string, std::string>> found;
    auto const close = [&] {
        if (automatic == "1") found.emplace(name, architecture);
        name.clear();
        architecture.clear();
        automatic.clear();
    };
    each_line(text, [&](std::string_view line) {
        if (line.empty()) return close();
        if (take_field(line, "Package", name)) return;
        if (take_field(line, "Architecture", architecture)) return;
        take_field(line, "Auto-Installed", automatic);
    });
    close();
    for (auto& package : into.packages) {
        package.automatic =
            std::ranges::any_of(found, [&](auto const& one) { return one.first == package.name; });
    }
}

void read_list(std::string_view text, std::vector<std::string> const& folders, PackageFiles& into) {
    each_line(text, [&](std::string_view line) {
        for (auto const& folder : folders) {
            if (line.starts_with(folder) && line.size() > folder.size() &&
                line[folder.size()] == '/') {
                into.owned.emplace(line);
            }
        }
    });
}

PackageFiles read_packages(system::Path const& root, std::vector<std::string> const& folders,
                           std::vector<std::string>& remarks) {
    PackageFiles out;
    auto const dpkg = root / "var/lib/dpkg";
    auto const status = system::read_file(dpkg / "status", status_bytes_max);
    if (!status) {
        remarks.push_back("what packages brought is not known: " + status.error().message());
        return out;
    }
    read_status(to_string(*status), out);
    if (auto const states =
            system::read_file(root / "var/lib/apt/extended_states", status_bytes_max)) {
        read_extended_states(to_string(*states), out);
    }
    std::error_code error;
    for (auto const& file : system::list_folder(dpkg / "info", error)) {
        if (file.extension() != ".list") continue;
        auto const list = system::read_file(file, list_bytes_max);
        if (list) read_list(to_string(*list), folders, out);
    }
    if (error) remarks.push_back("the file lists of packages cannot be read: " + error.message());
    for (auto const& [path, config] : out.configs) out.owned.insert(path);
    return out;
}

Result<std::string> md5_of(system::Path const& file) {
    struct Release {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Release> const context(EVP_MD_CTX_new());
    if (!context || EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) != 1) {
        return fail(Fault::unsupported, "OpenSSL gives no MD5 here");
    }
    PD_TRY(auto const opened, system::File::open_to_read(file));
    Bytes buffer(64 << 10);
    while (true) {
        PD_TRY(std::size_t const count, opened.read(buffer));
        if (count == 0) break;
        EVP_DigestUpdate(context.get(), buffer.data(), count);
    }
    Bytes digest(16);
    EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr);
    return to_hex(digest);
}

}  // namespace perdure::origin
