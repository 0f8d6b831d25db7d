// Stands for xmlbuilder2, which needs Node: the page writes no XML.
export const create = null;
