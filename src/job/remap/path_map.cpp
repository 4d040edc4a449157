#include "job/remap/path_map.h"

#include <algorithm>
#include <set>

#include "data/entry.h"

namespace perdure::job {

namespace {

Error bad(std::string const& rule, std::string why) {
    return fail(Fault::invalid, "\"" + rule + "\" is no path rule\n" + std::move(why))
        .with_code(2)
        .with_fix("write OLD=NEW, paths below the source, such as --map-path var/www=srv/web");
}

Result<std::string> clean(std::string const& rule, std::string path) {
    while (path.starts_with('/')) path.erase(0, 1);
    while (path.ends_with('/')) path.pop_back();
    std::string_view rest = path;
    while (!rest.empty()) {
        auto const name = rest.substr(0, rest.find('/'));
        if (!data::check_component(name)) return bad(rule, "it holds \"..\", \".\" or \"//\"");
        rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    }
    return path;
}

bool is_at_or_below(std::string_view path, std::string_view folder) {
    return path.starts_with(folder) &&
           (folder.empty() || path.size() == folder.size() || path[folder.size()] == '/');
}

std::string moved(std::string const& path, std::string const& from, std::string const& to) {
    std::string rest = path.substr(from.size());
    while (rest.starts_with('/')) rest.erase(0, 1);
    if (to.empty()) return rest;
    return rest.empty() ? to : to + "/" + rest;
}

}  // namespace

Result<PathMap> PathMap::create(std::vector<std::string> const& rules) {
    PathMap out;
    for (auto const& rule : rules) {
        auto const equals = rule.find('=');
        if (equals == std::string::npos) return bad(rule, "there is no '=' in it");
        auto const old_text = rule.substr(0, equals), new_text = rule.substr(equals + 1);
        Rule one;
        one.text = old_text;
        one.absolute = old_text.starts_with('/') && new_text.starts_with('/');
        PD_TRY(one.old_path, clean(rule, old_text));
        PD_TRY(one.new_path, clean(rule, new_text));
        if (one.old_path.empty() && one.new_path.empty()) return bad(rule, "it changes nothing");
        out.rules_.push_back(std::move(one));
    }
    std::ranges::stable_sort(out.rules_, [](Rule const& a, Rule const& b) {
        return a.old_path.size() > b.old_path.size();
    });
    return out;
}

std::string PathMap::apply(std::string const& path) const {
    if (path.empty()) return path;
    for (auto const& rule : rules_) {
        if (!is_at_or_below(path, rule.old_path)) continue;
        rule.met->store(true, std::memory_order_relaxed);
        return moved(path, rule.old_path, rule.new_path);
    }
    return path;
}

std::vector<std::string> PathMap::idle() const {
    std::vector<std::string> out;
    for (auto const& rule : rules_) {
        bool const met = rule.met->load(std::memory_order_relaxed);
        if (!met && !rule.old_path.empty()) out.push_back(rule.text);
    }
    return out;
}

std::vector<std::string> PathMap::new_folders() const {
    std::set<std::string> out;  // memcmp order puts parents first
    for (auto const& rule : rules_) {
        auto const& path = rule.new_path;
        for (auto slash = path.find('/'); slash != std::string::npos;
             slash = path.find('/', slash + 1)) {
            out.insert(path.substr(0, slash));
        }
    }
    return {out.begin(), out.end()};
}

std::string PathMap::apply_link(std::string const& target) const {
    if (!target.starts_with('/')) return target;
    for (auto const& rule : rules_) {
        if (!rule.absolute || !is_at_or_below(target.substr(1), rule.old_path)) continue;
        rule.met->store(true, std::memory_order_relaxed);
        return "/" + moved(target.substr(1), rule.old_path, rule.new_path);
    }
    return target;
}

void note_idle(std::vector<std::string> const& rules, std::vector<data::Problem>& problems) {
    for (auto const& rule : rules) {
        problems.push_back({rule, rule.starts_with('/')
                                      ? "--map-path met no such file, folder or target of a link"
                                      : "--map-path met no such file or folder"});
    }
}

}  // namespace perdure::job
