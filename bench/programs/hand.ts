// A program that does nothing: the part of Node in every start.
console.log('@ready');
setTimeout(() => {}, 1e6);
