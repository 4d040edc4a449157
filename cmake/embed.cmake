# pd_embed(room file…): the texts of the files become constants in the room's library, in
# <binary folder>/embedded.h as `embedded::NAME` (assets/site.css → site_css). A changed file is
# noticed by the next build.
function(pd_embed room)
  set(text "#pragma once\n\n#include <string_view>\n\nnamespace perdure::embedded {\n\n")
  foreach(file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    file(READ ${file} content)
    get_filename_component(name ${file} NAME)
    string(MAKE_C_IDENTIFIER ${name} name)
    string(APPEND text "inline constexpr std::string_view ${name} = R\"pd_embed(${content})pd_embed\";\n\n")
  endforeach()
  string(APPEND text "}  // namespace perdure::embedded\n")
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/embedded/embedded.h CONTENT "@text@" @ONLY)
  target_include_directories(pd_${room} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/embedded)
endfunction()
