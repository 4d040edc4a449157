#include "format/template/render.h"

#include <fmt/format.h>

#include "format/text.h"

namespace perdure::format {

namespace {

bool is_empty(TemplateData const* data) {
    if (!data) return true;
    if (auto const* truth = std::get_if<bool>(&data->value)) return !*truth;
    if (auto const* text = std::get_if<std::string_view>(&data->value)) return text->empty();
    if (auto const* text = std::get_if<std::string>(&data->value)) return text->empty();
    if (auto const* list = std::get_if<TemplateList>(&data->value)) return list->empty();
    return std::holds_alternative<std::monostate>(data->value);
}

}  // namespace

Result<void> TemplateRenderer::render(std::string& out, TemplateNodes const& what,
                                      std::vector<TemplateScope const*> const& scopes) {
    frames_.clear();
    for (auto const* scope : scopes) frames_.push_back({scope, nullptr});
    steps_ = 0;
    start_ = out.size();
    return nodes(out, what);
}

Result<void> TemplateRenderer::spend(std::string const& out, TemplateNode const& node) {
    if (++steps_ <= limits_.steps_max && out.size() - start_ <= limits_.bytes_max) return {};
    return fail(Fault::exhausted,
                fmt::format("line {} of the template: it writes more than {} MiB, or takes more "
                            "than {} steps, for one record",
                            node.line, limits_.bytes_max >> 20, limits_.steps_max))
        .with_fix("repeat no list inside of itself");
}

Result<void> TemplateRenderer::nodes(std::string& out, TemplateNodes const& what) {
    for (auto const& node : what) {
        PD_CHECK(spend(out, node));
        switch (node.kind) {
            case TemplateNode::Kind::text:
                out += node.text;
                break;
            case TemplateNode::Kind::value:
            case TemplateNode::Kind::raw:
                value(out, node);
                break;
            case TemplateNode::Kind::section:
                PD_CHECK(section(out, node));
                break;
            case TemplateNode::Kind::inverted:
                if (is_empty(find(node.text))) PD_CHECK(nodes(out, node.children));
                break;
        }
    }
    return {};
}

TemplateData const* TemplateRenderer::find(std::string_view name) const {
    if (name == ".") return frames_.empty() ? nullptr : frames_.back().item;
    auto const dot = name.find('.');
    auto const first = name.substr(0, dot);
    // A column may itself have a dot in its name.
    for (auto const& whole : {name, first}) {
        for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
            if (!frame->scope) continue;
            auto const found = frame->scope->find(whole);
            if (found == frame->scope->end()) continue;
            if (whole.size() == name.size()) return &found->second;
            auto const* inner = std::get_if<TemplateScope>(&found->second.value);
            if (!inner) return nullptr;
            auto const part = inner->find(name.substr(dot + 1));
            return part == inner->end() ? nullptr : &part->second;
        }
    }
    return nullptr;
}

void TemplateRenderer::value(std::string& out, TemplateNode const& node) const {
    auto const* data = find(node.text);
    if (!data) return;
    std::string_view text;
    if (auto const* view = std::get_if<std::string_view>(&data->value)) text = *view;
    if (auto const* own = std::get_if<std::string>(&data->value)) text = *own;
    if (auto const* truth = std::get_if<bool>(&data->value)) text = *truth ? "true" : "false";
    if (node.kind == TemplateNode::Kind::raw) {
        out += repair_utf8(text);
    } else {
        append_escaped(out, text, escape_);
    }
}

Result<void> TemplateRenderer::section(std::string& out, TemplateNode const& node) {
    auto const* data = find(node.text);
    if (is_empty(data)) return {};
    if (auto const* list = std::get_if<TemplateList>(&data->value)) return items(out, node, *list);
    auto const* scope = std::get_if<TemplateScope>(&data->value);
    frames_.push_back({scope, data});
    auto done = nodes(out, node.children);
    frames_.pop_back();
    return done;
}

Result<void> TemplateRenderer::items(std::string& out, TemplateNode const& node,
                                     TemplateList const& list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
        PD_CHECK(spend(out, node));  // a section without anything in it, too
        TemplateScope place;
        place["index"] = std::to_string(i + 1);
        place["first"] = i == 0;
        place["last"] = i + 1 == list.size();
        frames_.push_back({&place, nullptr});
        frames_.push_back({std::get_if<TemplateScope>(&list[i].value), &list[i]});
        auto done = nodes(out, node.children);
        frames_.pop_back();
        frames_.pop_back();
        if (!done) return done;
    }
    return {};
}

}  // namespace perdure::format
