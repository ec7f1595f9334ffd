# Programs that the compiler must refuse, with the sentence that its user must get to read.
#
#   hookcam_add_compile_fail(<source> [LIBRARIES <target>...])
#
# One source holds several cases; each names the expected sentence, a CMake regular expression, on the line that begins it:
#
#   #if defined(UNKNOWN_NAME) // refused: hookcam::attach: the network has no layer of this name
#   ...
#   #elif defined(WRONG_SIGNATURE) // refused: hookcam::on_forward: ...
#   ...
#   #elif defined(CONTROL) // what the cases are compared with: must compile; #else, where lines behind the group need it
#   ...
#   #endif
#
# A source may hold several such groups. Every case is a test that passes when the compiler ends with an error (not a crash)
# and says the sentence; one more test compiles the controls of all groups, so that none can be refused for a reason that has
# nothing to do with it. A fixture of theirs compiles the headers that the source includes, once for all of them: reading
# them takes longer than the cases.

set(hookcam_compile_fail_script ${CMAKE_CURRENT_LIST_DIR}/compile_fail.cmake)

function(hookcam_add_compile_fail source)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBRARIES")
    cmake_path(ABSOLUTE_PATH source)
    cmake_path(GET source STEM name)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})

    foreach(library IN LISTS arg_LIBRARIES)
        if(NOT TARGET ${library})
            message(STATUS "hookcam: leaves out compile_fail.${name}, which needs ${library}")
            return()
        endif()
    endforeach()

    # Never linked: it collects the include directories and definitions of what the source uses.
    add_library(hookcam_compile_fail_${name} INTERFACE)
    target_link_libraries(hookcam_compile_fail_${name} INTERFACE hookcam::hookcam ${arg_LIBRARIES})
    set(directories $<TARGET_PROPERTY:hookcam_compile_fail_${name},INTERFACE_INCLUDE_DIRECTORIES>)
    set(definitions $<TARGET_PROPERTY:hookcam_compile_fail_${name},INTERFACE_COMPILE_DEFINITIONS>)
    # The echo of a source line holds the sentence of a static_assert whatever the error is: no echo.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        set(no_echo -fno-diagnostics-show-caret)
    else()
        set(no_echo -fno-caret-diagnostics)
    endif()
    # -I for system directories too: -isystem /usr/include would hide the compiler's own headers from its #include_next.
    set(flags_file ${CMAKE_CURRENT_BINARY_DIR}/compile_fail/${name}.flags)
    file(
        GENERATE
        OUTPUT ${flags_file}
        CONTENT
            "${CMAKE_CXX20_STANDARD_COMPILE_OPTION}\n${no_echo}\n$<$<BOOL:${directories}>:\"-I$<JOIN:${directories},\"\n\"-I>\"\n>$<$<BOOL:${definitions}>:\"-D$<JOIN:${definitions},\"\n\"-D>\"\n>"
    )

    file(STRINGS ${source} cases REGEX "^#(el)?if defined\\([A-Z0-9_]+\\)")
    list(TRANSFORM cases REPLACE "^[^(]*\\(([A-Z0-9_]+)\\).*$" "\\1")
    list(REMOVE_ITEM cases CONTROL)
    if(NOT cases)
        message(FATAL_ERROR "hookcam_add_compile_fail: ${source} holds no case")
    endif()
    # Both compilers take the compiled headers that lie beside those which the command line includes.
    file(STRINGS ${source} headers REGEX "^#include <")
    list(JOIN headers "\n" headers)
    set(headers_file ${CMAKE_CURRENT_BINARY_DIR}/compile_fail/${name}.hpp)
    file(CONFIGURE OUTPUT ${headers_file} CONTENT "${headers}\n" @ONLY)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        set(compiled_headers ${headers_file}.gch)
    else()
        set(compiled_headers ${headers_file}.pch)
    endif()
    set(prefix compile_fail.${name})
    add_test(NAME ${prefix}.headers
             COMMAND ${CMAKE_CXX_COMPILER} @${flags_file} -x c++-header ${headers_file} -o ${compiled_headers}
    )
    set_tests_properties(${prefix}.headers PROPERTIES FIXTURES_SETUP ${prefix})

    foreach(case IN ITEMS CONTROL LISTS cases)
        add_test(
            NAME ${prefix}.${case}
            COMMAND ${CMAKE_COMMAND} -D COMPILER=${CMAKE_CXX_COMPILER} -D FLAGS=${flags_file} -D HEADERS=${headers_file} -D
                    SOURCE=${source} -D CASE=${case} -P ${hookcam_compile_fail_script}
        )
        set_tests_properties(${prefix}.${case} PROPERTIES FIXTURES_REQUIRED ${prefix})
    endforeach()
endfunction()
